import type { Model } from '@moepress/core';
import { gatedOutputNorms, tokenMaskFisher } from '@moepress/graph';
import { type Device, Engine, ModelRunner } from '@moepress/runtime';
import { Bench } from 'tinybench';
import { walks } from '../flops.js';
import { timeCalibration } from '../timing.js';

/**
 * The load that is timed: the number of sequences and their tokens, and new tokens for the same number of short
 * prompts.
 */
export interface Load {
  readonly sequences: number;
  readonly length: number;
  readonly promptLength: number;
  readonly newTokens: number;
}

/** Tokens per second. */
export interface GpuSpeed {
  readonly prefill: number;
  readonly decode: number;
  readonly calibration: number;
  readonly backward: number;
}

const precision = 'float16';

/** All uses of a device, with the memory that it may take. */
export async function measureGpu(
  device: Device,
  model: Model,
  load: Load,
  gpuMemory: number,
): Promise<GpuSpeed> {
  const { sequences, length, promptLength, newTokens } = load;
  const options = { device, precision, gpuMemory } as const;
  const runner = await ModelRunner.open(model, { ...options, residency: 'resident' });
  const items = walks(model, sequences, length).map((ids) => ({ ids, from: 1 }));
  const prompts = walks(model, sequences, promptLength);
  const generate = { maxNewTokens: newTokens, eosTokenIds: [] };
  let [prefill, decode] = [0, 0];
  try {
    prefill = (sequences * length) / (await fastest(async () => void (await runner.scoreTokens(items))));
    decode =
      (sequences * newTokens) / (await fastest(async () => void (await runner.generate(prompts, generate))));
  } finally {
    await runner.dispose();
  }
  const engine = new Engine(options);
  try {
    const pass = async (statistic: typeof gatedOutputNorms | typeof tokenMaskFisher) => {
      const set = walks(model, sequences, length);
      await timeCalibration(engine, model, { sequences: set.slice(0, 1), statistics: [statistic] });
      return (
        (sequences * length) /
        (await timeCalibration(engine, model, { sequences: set, statistics: [statistic] })).seconds
      );
    };
    return {
      prefill,
      decode,
      calibration: await pass(gatedOutputNorms),
      backward: await pass(tokenMaskFisher),
    };
  } finally {
    await engine.dispose();
  }
}

/** Seconds of the faster of two runs, after one that compiles what the device needs. */
export async function fastest(work: () => Promise<void>): Promise<number> {
  const bench = new Bench({ iterations: 2, time: 0, warmupIterations: 1, warmupTime: 0 });
  bench.add('work', work);
  const [task] = await bench.run();
  return (task!.result as { latency: { min: number } }).latency.min / 1000;
}
