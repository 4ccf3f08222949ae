import type { AttentionStatistic, ExpertStatistic, MlpStatistic, Value } from '@moepress/core';
import { cast, square } from '../ops/math.js';
import { rowCount } from '../ops/shape.js';
import { columnSums, rowPerExpert } from './expert-sums.js';

/** `sum` [pool, H]: squares of each column of what gate and up of an expert are multiplied with, over the routed tokens. */
export const expertInputEnergy: ExpertStatistic = {
  name: 'expert-input-energy',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ sum: rowPerExpert(taps, ({ input }) => energyOf(input)) }),
};

/** The same of an MLP that all tokens go through: `input` [H], `activation` [I], and the number of tokens, `count` [1]. */
export const mlpEnergy: MlpStatistic = {
  target: 'mlps',
  name: 'mlp-energy',
  version: 1,
  pass: 'forward',
  collect: (_, { input, activation }) => ({
    input: cast(energyOf(input), 'float64'),
    activation: cast(energyOf(activation), 'float64'),
    count: cast(rowCount(input), 'float64'),
  }),
};

/** The same of attention: `input` [H] of queries, keys and values, `heads` [heads * V] of the output, `count` [1]. */
export const attentionEnergy: AttentionStatistic = {
  target: 'attention',
  name: 'attention-energy',
  version: 1,
  pass: 'forward',
  collect: (_, { input, heads }) => ({
    input: cast(energyOf(input), 'float64'),
    heads: cast(energyOf(heads), 'float64'),
    count: cast(rowCount(input), 'float64'),
  }),
};

const energyOf = (rows: Value): Value => columnSums(square(rows));
