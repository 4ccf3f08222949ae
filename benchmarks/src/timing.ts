import type { Model, Statistic } from '@moepress/core';
import { calibrate, type Engine } from '@moepress/runtime';
import { Bench } from 'tinybench';
import { anonymousMemory, peakMemory } from './memory-watch.js';

export interface Measured {
  readonly seconds: number;
  /** Anonymous memory in bytes: before, and the highest meanwhile. */
  readonly idle: number;
  readonly peak: number;
}

export interface TimedCalibration {
  readonly sequences: readonly number[][];
  readonly statistics: readonly Statistic[];
  /** Bytes for hidden states between blocks, as `carried` of `calibrate`. */
  readonly memory?: number;
}

/** Times one calibration; it takes so long that repeating it would tell little. */
export async function timeCalibration(
  engine: Engine,
  model: Model,
  { sequences, statistics, memory }: TimedCalibration,
): Promise<Measured> {
  const idle = anonymousMemory();
  const bench = new Bench({ iterations: 1, time: 0, warmup: false });
  bench.add('calibrate', async () => {
    await calibrate(engine, {
      model,
      set: { source: 'benchmark', seed: 0, sequences },
      statistics,
      carried: memory,
    });
  });
  const peak = await peakMemory(async () => {
    await bench.run();
  });
  const { latency } = bench.tasks[0]!.result as { latency: { mean: number } };
  return { seconds: latency.mean / 1000, idle, peak };
}
