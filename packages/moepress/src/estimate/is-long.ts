import { type CalibrationSet, type Model, measure, type Statistic } from '@moepress/core';
import { passTasks } from './estimate-passes.js';
import { blockFlops } from './flops.js';

/** Models with fewer parameters than this are measured in less time than a trial takes. */
const manyParameters = 1e8;

/** Multiplications and additions that two cores take some ten minutes for, of which a trial of a dozen seconds is a small part. */
const manyFlops = 6e13;

/** Whether measurements with a model may take minutes: what they take is worth counting then, see `isLong`. */
export const isLarge = (model: Model): boolean => measure(model).total.parameters >= manyParameters;

/** Whether measuring statistics on a set surely takes minutes, so that an estimate by a trial is worth its seconds. */
export function isLong(model: Model, set: CalibrationSet, statistics: readonly Statistic[]): boolean {
  const passes = new Set(statistics.map(({ pass }) => pass));
  const tokens = set.sequences.reduce((sum, ids) => sum + ids.length, 0);
  const length = tokens / Math.max(1, set.sequences.length);
  const flops = passTasks
    .filter(({ pass }) => passes.has(pass))
    .flatMap(({ factor, experts }) =>
      model.blocks.map((block) => factor * blockFlops(model, block, length, experts)),
    );
  return tokens * flops.reduce((sum, count) => sum + count, 0) >= manyFlops;
}
