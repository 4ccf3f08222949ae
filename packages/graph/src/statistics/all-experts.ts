import type { ExpertStatistic } from '@moepress/core';
import { join, reshape } from '../ops/layout.js';
import { cast, square } from '../ops/math.js';
import { linear } from '../ops/nn.js';
import { reduceSum } from '../ops/reduce.js';
import { columnSums, perExpert, rowPerExpert, sumOverTokens } from './reduce.js';

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
    const matrix = join(
      outputs.map((output) => cast(output, 'float64')),
      0,
    );
    return { gram: linear(matrix, matrix) };
  },
};
