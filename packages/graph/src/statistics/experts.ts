import type { ExpertTaps, LayerTaps, Statistic, Value } from '@moepress/core';
import { join, rowCount, unsqueeze } from '../ops/layout.js';
import { cast, mul } from '../ops/math.js';
import { reduceL2, reduceSum } from '../ops/reduce.js';

/** One double per expert of the pool, float64 [pool]; `measure` yields one number, [1]. */
function perExpert(taps: LayerTaps, measure: (expert: ExpertTaps) => Value): Value {
  return join(
    taps.experts.map((expert) => cast(measure(expert), 'float64')),
    0,
  );
}

/** Added up in double precision: over millions of tokens the small ones must not be lost. */
function sumOverTokens(values: Value): Value {
  return unsqueeze(reduceSum(cast(values, 'float64'), [0]), 0);
}

/** `count` [pool]: tokens routed to each expert. */
export const expertHits: Statistic = {
  name: 'expert-hits',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ count: perExpert(taps, ({ tokens }) => rowCount(tokens)) }),
};

/** `sum` [pool]: routing weights g of the tokens routed to each expert, as the forward pass uses them. */
export const gateWeightSums: Statistic = {
  name: 'gate-weight-sums',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ sum: perExpert(taps, ({ weight }) => sumOverTokens(weight)) }),
};

/** `sum` [pool]: g * ||f(x)||_2 over the tokens routed to each expert (the numerator of REAP, arXiv 2510.13999). */
export const gatedOutputNorms: Statistic = {
  name: 'gated-output-norms',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({
    sum: perExpert(taps, ({ weight, output }) => sumOverTokens(mul(weight, reduceL2(output, [1])))),
  }),
};
