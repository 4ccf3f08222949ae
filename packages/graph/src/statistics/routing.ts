import type { ExpertStatistic, LayerTaps, MlpStatistic, Value } from '@moepress/core';
import { cast, equal, mul } from '../ops/math.js';
import { matmul } from '../ops/nn.js';
import { reduceSum } from '../ops/reduce.js';
import { reshape, rowCount, transpose } from '../ops/shape.js';
import { columnSums } from './expert-sums.js';

/**
 * `selected` [N]: the scores a slot got from the tokens that chose it; `all` [N]: from all tokens
 * (conditional and marginal probability of MoE-to-dense, once divided by counts, where a router's
 * scores are a softmax).
 */
export const probabilitySums: ExpertStatistic = {
  name: 'probability-sums',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => ({
    selected: columnSums(mul(taps.probabilities, isSelected(taps))),
    all: columnSums(taps.probabilities),
  }),
};

/** `counts` [N, N]: tokens that chose both of two slots; on the diagonal, tokens that chose the slot. */
export const jointSelections: ExpertStatistic = {
  name: 'joint-selections',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => {
    const chosen = cast(isSelected(taps), 'float64');
    return { counts: matmul(transpose(chosen, [1, 0]), chosen) };
  },
};

/** `gram` [N, N]: inner products of the slots' router logits over the tokens (similarity of M-SMoE). */
export const routerLogitGram: ExpertStatistic = {
  name: 'router-logit-gram',
  version: 1,
  pass: 'forward',
  collect: (_, { routerLogits }) => {
    const logits = cast(routerLogits, 'float64');
    return { gram: matmul(transpose(logits, [1, 0]), logits) };
  },
};

/** `sum` and `count` [1] where a shared expert has a gate: what it is multiplied by over all tokens, and their number. */
export const sharedGateSums: MlpStatistic = {
  target: 'mlps',
  name: 'shared-gate-sums',
  version: 1,
  pass: 'forward',
  collect: (_, { outputGate }) =>
    outputGate ? { sum: columnSums(outputGate), count: cast(rowCount(outputGate), 'float64') } : {},
};

/** 1 where a token chose a slot, else 0: float32 [T, N]. */
function isSelected({ probabilities, selected }: LayerTaps): Value {
  const { graph } = probabilities;
  const [slots, chosen] = [Number(probabilities.shape[1]), Number(selected.shape[1])];
  // [T, k, 1] against [1, 1, N]: which of the k choices is which slot.
  const ids = graph.constant(
    Array.from({ length: slots }, (_, i) => i),
    [1, 1, slots],
    'int64',
  );
  const hits = equal(reshape(selected, [-1, chosen, 1], ['T', chosen, 1]), ids);
  return reduceSum(cast(hits, 'float32'), [1]);
}
