import type { ExpertStatistic, MlpGradients, MlpStatistic, Value } from '@moepress/core';
import { add, cast, mul, square, timesNumber } from '../ops/math.js';
import { reduceSum } from '../ops/reduce.js';
import { rowPerExpert } from './reduce.js';

/** A number for each channel of an MLP, [I], from its activation [n, I] and its gradients. */
type ChannelMeasure = (activation: Value, gradients: MlpGradients) => Value;

/** `sum` [pool, I]: one row per expert, see `rowPerExpert`. */
const ofExperts = (name: string, measure: ChannelMeasure): ExpertStatistic => ({
  name,
  version: 1,
  pass: 'backward',
  collect: (_, taps) => ({
    sum: rowPerExpert(taps, ({ activation }, e) => measure(activation, taps.gradients!.experts[e]!)),
  }),
});

/** `sum` [I]. */
const ofMlps = (name: string, measure: ChannelMeasure): MlpStatistic => ({
  of: 'mlps',
  name,
  version: 1,
  pass: 'backward',
  collect: (_, { activation, gradients }) => ({ sum: cast(measure(activation, gradients!), 'float64') }),
});

/** dL/da_j * a_j for each token and channel: the gradient of a mask on the channel, [n, I]. */
const maskGradient = (activation: Value, gradients: MlpGradients) =>
  mul(cast(activation, 'float64'), cast(gradients.activation, 'float64'));

const tokenMask: ChannelMeasure = (activation, gradients) =>
  reduceSum(square(maskGradient(activation, gradients)), [0]);

const sequenceMask: ChannelMeasure = (activation, gradients) =>
  square(reduceSum(maskGradient(activation, gradients), [0]));

/** Squared mask gradients, each token by itself (diagonal empirical Fisher of channel masks). */
export const tokenMaskFisher = ofExperts('token-mask-fisher', tokenMask);

/** The same of dense FFNs and shared experts. */
export const mlpTokenMaskFisher = ofMlps('mlp-token-mask-fisher', tokenMask);

/** The mask gradient of a sequence squared, added up over sequences. */
export const sequenceMaskFisher = ofExperts('sequence-mask-fisher', sequenceMask);

/** The same of dense FFNs and shared experts. */
export const mlpSequenceMaskFisher = ofMlps('mlp-sequence-mask-fisher', sequenceMask);

/**
 * Squared gradients of a channel's three weight vectors, over H, added up over sequences (Fisher-MoE,
 * arXiv 2606.05538, equation 5).
 */
export const weightFisher = ofExperts('weight-fisher', (_, gradients) => channelSums(gradients, square, 1));

/** Mean absolute gradient of a channel's 3 H weights, added up over sequences. */
export const weightGradientMagnitude = ofExperts('weight-gradient-magnitude', (_, gradients) =>
  channelSums(gradients, (weight) => weight.graph.op('Abs', [weight]), 3),
);

/** Row j of gate and up and column j of down, over `vectors` times H. */
function channelSums({ gate, up, down }: MlpGradients, of: (weight: Value) => Value, vectors: number): Value {
  const hidden = Number(gate.shape[1]);
  const rows = add(reduceSum(of(gate), [1]), reduceSum(of(up), [1]));
  return timesNumber(add(rows, reduceSum(of(down), [0])), 1 / (vectors * hidden));
}
