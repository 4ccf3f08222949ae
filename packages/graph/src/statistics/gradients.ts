import type { ExpertStatistic, MlpGradients, MlpStatistic, MlpTaps, Value } from '@moepress/core';
import { add, cast, greater, mul, square, timesNumber } from '../ops/math.js';
import { linear, matmul, transposedProduct } from '../ops/nn.js';
import { reduceSum, reduceSumSquare } from '../ops/reduce.js';
import { rowCount } from '../ops/shape.js';
import { rowPerExpert } from './expert-sums.js';

/** A number for each channel of an MLP, [I], from its activation [n, I] and its gradients. */
type ChannelMeasure = (values: Pick<MlpTaps, 'input' | 'activation'>, gradients: MlpGradients) => Value;

/** `sum` [pool, I]: one row per expert, see `rowPerExpert`. */
const ofExperts = (name: string, measure: ChannelMeasure): ExpertStatistic => ({
  name,
  version: 1,
  pass: 'backward',
  collect: (_, taps) => ({
    sum: rowPerExpert(taps, (expert, e) => measure(expert, taps.gradients!.experts[e]!)),
  }),
});

/** `sum` [I]. */
const ofMlps = (name: string, measure: ChannelMeasure): MlpStatistic => ({
  target: 'mlps',
  name,
  version: 1,
  pass: 'backward',
  collect: (_, taps) => ({ sum: cast(measure(taps, taps.gradients!), 'float64') }),
});

/** dL/da_j * a_j for each token and channel: the gradient of a mask on the channel, [n, I]. */
const maskGradient: ChannelMeasure = ({ activation }, gradients) =>
  mul(cast(activation, 'float64'), cast(gradients.activation, 'float64'));

const tokenMask: ChannelMeasure = (values, gradients) =>
  reduceSum(square(maskGradient(values, gradients)), [0]);

const sequenceMask: ChannelMeasure = (values, gradients) =>
  square(reduceSum(maskGradient(values, gradients), [0]));

/** Squared mask gradients of each token (diagonal empirical Fisher information of channel masks). */
export const tokenMaskFisher = ofExperts('token-mask-fisher', tokenMask);

/** The same for dense FFNs and shared experts. */
export const mlpTokenMaskFisher = ofMlps('mlp-token-mask-fisher', tokenMask);

/** The squared mask gradient of each sequence, summed over sequences. */
export const sequenceMaskFisher = ofExperts('sequence-mask-fisher', sequenceMask);

/** The same for dense FFNs and shared experts. */
export const mlpSequenceMaskFisher = ofMlps('mlp-sequence-mask-fisher', sequenceMask);

/**
 * Squared gradients of a channel's weight vectors, three or, without a gate, two, over H, added up over sequences (Fisher-MoE,
 * arXiv 2606.05538, equation 5).
 */
export const weightFisher: ExpertStatistic = {
  name: 'weight-fisher',
  version: 1,
  pass: 'backward',
  collect: (_, taps) => {
    const squares = rowPerExpert(taps, ({ input, activation }, e) => {
      const { gateProduct, upProduct, output } = taps.gradients!.experts[e]!;
      return squaredRows([
        ...(gateProduct ? [[gateProduct, input] as const] : []),
        [upProduct, input],
        [activation, output],
      ]);
    });
    return { sum: timesNumber(squares, 1 / Number(taps.experts[0]!.input.shape[1])) };
  },
};

/**
 * Squared length of each row of aᵀb for a [n, I] and b [n, H], added up over some pairs that share n: [I].
 * Row j's is a_jᵀ (b bᵀ) a_j, which takes 2 n² (H + I) operations and n² numbers; aᵀb takes 2 n H I and H I
 * numbers. An expert's n tokens of one sequence are mostly few against H and I; where they are not, rows are formed.
 */
function squaredRows(pairs: readonly (readonly [a: Value, b: Value])[]): Value {
  const [[first, { shape }]] = pairs as [(typeof pairs)[number]];
  const [I, H] = [Number(first.shape[1]), Number(shape[1])];
  const matrices = new Set(pairs.map(([, b]) => b)).size;
  const most = Math.floor((pairs.length * H * I) / (matrices * H + pairs.length * I));
  const over = (squares: (a: Value, b: Value) => Value) => () => [
    pairs.map(([a, b]) => squares(a, b)).reduce((sum, part) => add(sum, part)),
  ];
  const { graph } = first;
  const [squares] = graph.branch(
    greater(rowCount(first), graph.constant([most], [1], 'int64')),
    over((a, b) => reduceSumSquare(transposedProduct(a, b), [1])),
    over((a, b) => reduceSum(mul(a, matmul(linear(b, b), a)), [0])),
  );
  // Rounding must not make a length negative.
  return graph.op('Relu', [squares!]);
}

/** Mean absolute gradient of a channel's 3 H weights, or 2 H without a gate, added up over sequences. */
export const weightGradientMagnitude = ofExperts('weight-gradient-magnitude', (_, { gate, up, down }) => {
  const size = (weight: Value) => weight.graph.op('Abs', [weight]);
  const rows = reduceSum(size(up), [1]);
  const both = gate ? add(reduceSum(size(gate), [1]), rows) : rows;
  const count = (gate ? 3 : 2) * Number(up.shape[1]);
  return timesNumber(add(both, reduceSum(size(down), [0])), 1 / count);
});
