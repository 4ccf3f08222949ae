import { openModel } from '@moepress/checkpoint';
import { type Model, moeBlocks } from '@moepress/core';
import { expertHits, gatedOutputNorms } from '@moepress/graph';
import { calibrate, Engine } from '@moepress/runtime';
import { Bench } from 'tinybench';
import { gemmPeak } from '../gemm.js';
import { anonymousMemory, peakMemory } from '../memory.js';

const [sequences, length] = [32, 1024] as const;

/**
 * Calibrates by layer streaming and compares with the matrix products of the same engine in the same
 * run: the share of the peak FLOP/s, and anonymous memory besides the hidden states.
 */
export async function calibrationSuite(directory: string): Promise<void> {
  const engine = new Engine();
  try {
    const model = await openModel(directory);
    const before = await gemmPeak();
    const set = { source: 'benchmark', seed: 0, sequences: tokens(model) };
    const idle = anonymousMemory();
    const bench = new Bench({ iterations: 1, time: 0, warmup: false });
    bench.add('calibrate', async () => {
      await calibrate(engine, model, set, [expertHits, gatedOutputNorms]);
    });
    const peak = await peakMemory(async () => {
      await bench.run();
    });
    const seconds = (bench.tasks[0]!.result as { latency: { mean: number } }).latency.mean / 1000;
    const limit = Math.max(before, await gemmPeak());
    const speed = (flopsPerToken(model) * sequences * length) / seconds;
    const hidden = sequences * length * model.config.hiddenSize * 4;
    console.log(
      `calibrate ${model.blocks.length} layers, ${sequences} x ${length} tokens: ${seconds.toFixed(1)} s`,
    );
    console.log(`  ${gflops(speed)} of ${gflops(limit)} peak = ${(speed / limit).toFixed(3)} (wanted: 0.65)`);
    console.log(
      `  anonymous memory ${gigabytes(peak)}, of it ${gigabytes(idle)} before and ${gigabytes(hidden)} hidden states;`,
    );
    console.log(`  the rest ${gigabytes(peak - hidden)} (wanted: below 1.5 GB)`);
  } finally {
    await engine.dispose();
  }
}

/** Every sequence is another walk through the vocabulary. */
function tokens({ config: { vocabSize } }: Model): number[][] {
  return Array.from({ length: sequences }, (_, s) =>
    Array.from({ length }, (_, t) => (s * 7919 + t * 104_729 + ((t * t) % 97)) % vocabSize),
  );
}

/** Multiplications and additions of matrix products a token needs; half the square of causal attention. */
function flopsPerToken(model: Model): number {
  const { hiddenSize: h, heads, kvHeads, headDim } = model.config;
  return moeBlocks(model).reduce((sum, { ffn }) => {
    const projections = 2 * h * headDim * (2 * heads + 2 * kvHeads);
    const attention = 2 * length * heads * headDim;
    const expert = 6 * h * ffn.pool[0]!.width;
    return sum + projections + attention + 2 * h * ffn.slots.length + ffn.router.topK * expert;
  }, 0);
}

const gflops = (value: number) => `${(value / 1e9).toFixed(0)} GFLOP/s`;
const gigabytes = (value: number) => `${(value / 1e9).toFixed(2)} GB`;
