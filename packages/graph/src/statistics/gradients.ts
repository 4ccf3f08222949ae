import type { ExpertGradients, ExpertTaps, LayerTaps, Statistic, Value } from '@moepress/core';
import { add, cast, mul, square, timesNumber } from '../ops/math.js';
import { reduceSum } from '../ops/reduce.js';
import { rowPerExpert } from './reduce.js';

/** One row per expert, from its values and its gradients. */
function perChannel(
  taps: LayerTaps,
  measure: (expert: ExpertTaps, gradient: ExpertGradients) => Value,
): Value {
  return rowPerExpert(taps, (expert, e) => measure(expert, taps.gradients!.experts[e]!));
}

/** dL/da_j * a_j for each token and channel: the gradient of a mask on the channel, [n, I]. */
const maskGradient = ({ activation }: ExpertTaps, gradient: ExpertGradients) =>
  mul(cast(activation, 'float64'), cast(gradient.activation, 'float64'));

/** `sum` [pool, I]: squared mask gradients, each token by itself (diagonal empirical Fisher of channel masks). */
export const tokenMaskFisher: Statistic = {
  name: 'token-mask-fisher',
  version: 1,
  pass: 'backward',
  collect: (_, taps) => ({
    sum: perChannel(taps, (expert, gradient) => reduceSum(square(maskGradient(expert, gradient)), [0])),
  }),
};

/** `sum` [pool, I]: the mask gradient of a sequence squared, added up over sequences. */
export const sequenceMaskFisher: Statistic = {
  name: 'sequence-mask-fisher',
  version: 1,
  pass: 'backward',
  collect: (_, taps) => ({
    sum: perChannel(taps, (expert, gradient) => square(reduceSum(maskGradient(expert, gradient), [0]))),
  }),
};

/**
 * `sum` [pool, I]: squared gradients of a channel's three weight vectors, over H, added up over
 * sequences (Fisher-MoE, arXiv 2606.05538, equation 5).
 */
export const weightFisher: Statistic = {
  name: 'weight-fisher',
  version: 1,
  pass: 'backward',
  collect: (_, taps) => ({ sum: perChannel(taps, (_expert, gradient) => channelSums(gradient, square, 1)) }),
};

/** `sum` [pool, I]: mean absolute gradient of a channel's 3 H weights, added up over sequences. */
export const weightGradientMagnitude: Statistic = {
  name: 'weight-gradient-magnitude',
  version: 1,
  pass: 'backward',
  collect: (graph, taps) => ({
    sum: perChannel(taps, (_expert, gradient) =>
      channelSums(gradient, (weight) => graph.op('Abs', [weight]), 3),
    ),
  }),
};

/** Row j of gate and up and column j of down, over `vectors` times H. */
function channelSums(
  { gate, up, down }: ExpertGradients,
  of: (weight: Value) => Value,
  vectors: number,
): Value {
  const hidden = Number(gate.shape[1]);
  const rows = add(reduceSum(of(gate), [1]), reduceSum(of(up), [1]));
  return timesNumber(add(rows, reduceSum(of(down), [0])), 1 / (vectors * hidden));
}
