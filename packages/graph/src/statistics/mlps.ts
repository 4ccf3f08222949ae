import type { MlpStatistic } from '@moepress/core';
import { cast } from '../ops/math.js';
import { rowCount } from '../ops/shape.js';
import { columnSums } from './reduce.js';

/** `sum` and `count` [1] where a shared expert has a gate: what it is multiplied by over all tokens, and their number. */
export const sharedGateSums: MlpStatistic = {
  target: 'mlps',
  name: 'shared-gate-sums',
  version: 1,
  pass: 'forward',
  collect: (_, { outputGate }) =>
    outputGate ? { sum: columnSums(outputGate), count: cast(rowCount(outputGate), 'float64') } : {},
};
