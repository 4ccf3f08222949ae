import type { ExpertStatistic } from '@moepress/core';
import { cast, concat, linear, mul, reshape, unsqueeze } from '@moepress/graph';

/**
 * `gram` [pool, pool]: inner products of the experts' weighted outputs w f(x), summed over all tokens; w is 0 where an expert was
 * not chosen. In double precision, because a sum of experts is measured by adding up entries of different signs.
 */
export const weightedOutputGram: ExpertStatistic = {
  name: 'weighted-output-gram',
  version: 1,
  pass: 'all-experts',
  collect: (_, { experts }) => {
    const rows = experts.map(({ output, weight }) =>
      reshape(mul(cast(output, 'float64'), unsqueeze(cast(weight, 'float64'), 1)), [1, -1], [1, 'T*H']),
    );
    const matrix = concat(rows, 0);
    return { gram: linear(matrix, matrix) };
  },
};
