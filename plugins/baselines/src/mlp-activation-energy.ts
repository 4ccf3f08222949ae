import type { MlpStatistic } from '@moepress/core';
import { columnSums, square } from '@moepress/graph';

/** `sum` [I]: squared activation of each channel of a dense FFN or shared expert over all tokens. */
export const mlpActivationEnergy: MlpStatistic = {
  target: 'mlps',
  name: 'mlp-activation-energy',
  version: 1,
  pass: 'forward',
  collect: (_, { activation }) => ({ sum: columnSums(square(activation)) }),
};
