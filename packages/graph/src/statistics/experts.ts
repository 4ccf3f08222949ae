import type { ExpertStatistic } from '@moepress/core';
import { mul, square } from '../ops/math.js';
import { reduceL2, reduceSum } from '../ops/reduce.js';
import { rowCount } from '../ops/shape.js';
import { columnSums, perExpert, rowPerExpert, sumOverTokens } from './expert-sums.js';

/** `count` [pool]: tokens routed to each expert. */
export const expertHits: ExpertStatistic = {
  name: 'expert-hits',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ count: perExpert(taps, ({ tokens }) => rowCount(tokens)) }),
};

/** `sum` [pool]: routing weights g of the tokens routed to each expert, as the forward pass uses them. */
export const gateWeightSums: ExpertStatistic = {
  name: 'gate-weight-sums',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ sum: perExpert(taps, ({ weight }) => sumOverTokens(weight)) }),
};

/** `sum` [pool]: g * ||f(x)||_2 over the tokens routed to each expert (the numerator of REAP, arXiv 2510.13999). */
export const gatedOutputNorms: ExpertStatistic = {
  name: 'gated-output-norms',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({
    sum: perExpert(taps, ({ weight, output }) => sumOverTokens(mul(weight, reduceL2(output, [1])))),
  }),
};

/** `sum` [pool]: ||f(x)||_2 over the tokens routed to each expert (EAN, MAN). */
export const outputNorms: ExpertStatistic = {
  name: 'output-norms',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ sum: perExpert(taps, ({ output }) => sumOverTokens(reduceL2(output, [1]))) }),
};

/** `sum` and `gated` [pool]: ||f(x)||_2 squared, and g * ||f(x)||_2 squared, over the routed tokens. */
export const squaredOutputNorms: ExpertStatistic = {
  name: 'squared-output-norms',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({
    sum: perExpert(taps, ({ output }) => sumOverTokens(reduceSum(square(output), [1]))),
    gated: perExpert(taps, ({ weight, output }) => sumOverTokens(square(mul(weight, reduceL2(output, [1]))))),
  }),
};

/** `sum` [pool, H]: outputs over the tokens routed to each expert; over the hits, an expert's mean output. */
export const outputSums: ExpertStatistic = {
  name: 'output-sums',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ sum: rowPerExpert(taps, ({ output }) => columnSums(output)) }),
};

/** `sum` [pool, I]: squared activation of each channel over the routed tokens. */
export const activationEnergy: ExpertStatistic = {
  name: 'activation-energy',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({ sum: rowPerExpert(taps, ({ activation }) => columnSums(square(activation))) }),
};
