import type { ExpertStatistic, Value } from '@moepress/core';
import { add, cast, mul, square } from '../ops/math.js';
import { linear } from '../ops/nn.js';
import { reduceSum } from '../ops/reduce.js';
import { concat, reshape, unsqueeze } from '../ops/shape.js';
import { columnSums, perExpert, rowPerExpert, sumOverTokens } from './expert-sums.js';

/** `sum` [pool]: ||f(x)||_2 squared over all tokens, routed or not (ACP of MoE-to-dense, arXiv 2605.28207). */
export const squaredNormsOnAllTokens: ExpertStatistic = {
  name: 'squared-norms-on-all-tokens',
  version: 1,
  pass: 'all-experts',
  collect: (_, taps) => ({
    sum: perExpert(taps, ({ output }) => sumOverTokens(reduceSum(square(output), [1]))),
  }),
};

/** `sum` [pool, H]: each expert's output, summed over all tokens (features of HC-SMoE, arXiv 2410.08589). */
export const outputSumsOnAllTokens: ExpertStatistic = {
  name: 'output-sums-on-all-tokens',
  version: 1,
  pass: 'all-experts',
  collect: (_, taps) => ({ sum: rowPerExpert(taps, ({ output }) => columnSums(output)) }),
};

/** `gram` [pool, pool]: inner products of the experts' outputs, summed over all tokens (DO-ACP of MoE-to-dense). */
export const outputGram: ExpertStatistic = {
  name: 'output-gram',
  version: 1,
  pass: 'all-experts',
  collect: (_, taps) => {
    const outputs = taps.experts.map(({ output }) => reshape(output, [1, -1], [1, 'T*H']));
    const matrix = concat(
      outputs.map((output) => cast(output, 'float64')),
      0,
    );
    return { gram: linear(matrix, matrix) };
  },
};

/**
 * What gives, together with the Gram matrix of the outputs, the distance between a sum of constant experts, Σ c f, and
 * the routed sum y = Σ g f of the layer: `products` [pool], <f, y>, and `square` [1], ||y||_2 squared, over all tokens.
 */
export const routedSumProducts: ExpertStatistic = {
  name: 'routed-sum-products',
  version: 1,
  pass: 'all-experts',
  collect: (_, taps) => {
    // Computed in double precision, because they are subtracted from one another.
    const outputs = taps.experts.map(({ output }) => cast(output, 'float64'));
    const weighted = taps.experts.map(({ weight }, e) =>
      mul(outputs[e]!, unsqueeze(cast(weight, 'float64'), 1)),
    );
    const sum = weighted.reduce((total, part) => add(total, part));
    const product = (output: Value) => unsqueeze(reduceSum(mul(output, sum), [0, 1]), 0);
    return { products: concat(outputs.map(product), 0), square: product(sum) };
  },
};
