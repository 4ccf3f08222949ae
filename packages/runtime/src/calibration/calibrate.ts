import { type Evidence, type Model, moeBlocks, type Pass, type Statistic, type Work } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { LayerSums } from './accumulate.js';
import { allExpertsPass } from './passes/all-experts.js';
import { backwardPass } from './passes/backward.js';
import { forwardPass } from './passes/forward.js';
import type { PassRequest } from './passes/pass.js';
import { type CalibrationSet, checkSet, recordOf } from './set.js';

const passes: Readonly<Record<Pass, (request: PassRequest) => Promise<void>>> = {
  forward: forwardPass,
  'all-experts': allExpertsPass,
  backward: backwardPass,
};

/**
 * Runs the calibration set through the model, one block resident at a time, and measures the
 * statistics in every MoE block, in as many passes as they need. Throws `CALIBRATION_INVALID` for an
 * empty set or ids outside the vocabulary, `WEIGHTS_NOT_FINITE` when a block yields NaN.
 */
export async function calibrate(
  engine: Engine,
  model: Model,
  set: CalibrationSet,
  statistics: readonly Statistic[],
  work: Work = {},
): Promise<Evidence> {
  checkSet(model, set);
  const layers = new Map(moeBlocks(model).map(({ index }) => [index, new LayerSums(index)]));
  for (const [pass, run] of Object.entries(passes)) {
    const wanted = distinct(statistics).filter((statistic) => statistic.pass === pass);
    if (wanted.length === 0) continue;
    await run({
      ...work,
      engine,
      model,
      sequences: set.sequences,
      statistics: wanted,
      storage: { folder: null, memory: Number.POSITIVE_INFINITY },
      isKnown: () => false,
      done: async (sums) => layers.get(sums.layer)!.merge(sums),
    });
  }
  return { calibration: recordOf(set), layers: [...layers.values()] };
}

/** Two methods may need the same statistic. */
function distinct(statistics: readonly Statistic[]): Statistic[] {
  return [...new Map(statistics.map((statistic) => [statistic.name, statistic])).values()];
}
