import { openModel } from '@moepress/checkpoint';
import type { Model, Value } from '@moepress/core';
import {
  cast,
  expand,
  GraphBuilder,
  gatedOutputNorms,
  linear,
  reduceSum,
  tokenMaskFisher,
} from '@moepress/graph';
import { type Device, Engine, ModelRunner, startDevice } from '@moepress/runtime';
import { Bench } from 'tinybench';
import { forwardFlops, gflops, headFlops, walks } from '../flops.js';
import { timeCalibration } from '../measure.js';

const length = 1024;
const sequences = 16;
const newTokens = 64;
const precision = 'float16';
/** Enough for four layers of OLMoE in fp16 and their activations. */
const gpuMemory = 24e9;

/** Everything a GPU does for us, against the fp16 matrix products it could compute meanwhile. */
export async function gpuSuite(directory: () => Promise<string>): Promise<void> {
  const device = await startDevice('auto');
  if (device === 'cpu') {
    console.log('gpu: no device here is faster than the processor; see moepress doctor');
    return;
  }
  const model = await openModel(await directory());
  const peak = await halfPeak(device);
  console.log(`${model.blocks.length} layers on ${device} in ${precision}; products keep up ${gflops(peak)}`);
  const forward = forwardFlops(model, length);
  const head = headFlops(model);
  const print = (name: string, tokens: number, seconds: number, flops: number) =>
    console.log(
      `  ${name}: ${(tokens / seconds).toFixed(0)} tokens/s, ${((tokens * flops) / seconds / peak).toFixed(3)} of the products`,
    );
  await timeRunner(device, model, {
    prefill: (seconds) => print('prefill', sequences * length, seconds, forward + head),
    decode: (seconds) =>
      print('decode', sequences * newTokens, seconds, forwardFlops(model, newTokens) + head),
  });
  const engine = new Engine({ device, precision, gpuMemory });
  try {
    for (const [name, statistic, flops] of [
      ['calibration', gatedOutputNorms, forward],
      ['backward', tokenMaskFisher, 3 * forward + 2 * head],
    ] as const) {
      const { seconds } = await timeCalibration(engine, model, walks(model, sequences, length), [statistic]);
      print(name, sequences * length, seconds, flops);
    }
  } finally {
    await engine.dispose();
  }
}

async function timeRunner(
  device: Device,
  model: Model,
  print: Readonly<Record<'prefill' | 'decode', (seconds: number) => void>>,
): Promise<void> {
  const runner = await ModelRunner.open(model, { device, precision, gpuMemory, residency: 'resident' });
  try {
    const items = walks(model, sequences, length).map((ids) => ({ ids, from: 1 }));
    const prompts = walks(model, sequences, 16);
    print.prefill(await seconds(async () => void (await runner.scoreTokens(items))));
    const options = { maxNewTokens: newTokens, eosTokenIds: [] };
    print.decode(await seconds(async () => void (await runner.generate(prompts, options))));
  } finally {
    await runner.dispose();
  }
}

/** The faster of two runs after one that compiles what the device needs. */
async function seconds(work: () => Promise<void>): Promise<number> {
  const bench = new Bench({ iterations: 2, time: 0, warmupIterations: 1, warmupTime: 0 });
  bench.add('work', work);
  const [task] = await bench.run();
  return (task!.result as { latency: { min: number } }).latency.min / 1000;
}

/** FLOP/s of a chain of square fp16 products whose operands and results stay on the device. */
async function halfPeak(device: Device): Promise<number> {
  const [size, products] = [4096, 8];
  const engine = new Engine({ device });
  try {
    const graph = new GraphBuilder('peak');
    const square = (value: Value) => cast(expand(expand(value, 0, size), 1, size), 'float16');
    const weight = square(graph.constant([1 / size], [1, 1], 'float32'));
    let y = square(graph.input('x', 'float32', [1, 1]));
    for (let i = 0; i < products; i++) y = linear(y, weight);
    graph.output('sum', cast(reduceSum(y, [0, 1]), 'float32'));
    await engine.open('peak', graph.finish());
    const x = { dtype: 'float32', dims: [1, 1], data: Float32Array.of(1) } as const;
    const step = { session: 'peak', feeds: { x }, fetch: ['sum'] };
    const time = await seconds(async () => void (await engine.workers[0]!.run([step])));
    return (products * 2 * size ** 3) / time;
  } finally {
    await engine.dispose();
  }
}
