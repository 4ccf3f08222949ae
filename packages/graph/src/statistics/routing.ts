import type { ExpertStatistic } from '@moepress/core';
import { reshape, transpose } from '../ops/layout.js';
import { cast, greater, mul } from '../ops/math.js';
import { matmul } from '../ops/nn.js';
import { columnSums } from './reduce.js';

/**
 * `selected` [N]: the scores a slot got from the tokens that chose it; `all` [N]: from all tokens
 * (conditional and marginal probability of MoE-to-dense, once divided by counts, where a router's
 * scores are a softmax).
 */
export const probabilitySums: ExpertStatistic = {
  name: 'probability-sums',
  version: 1,
  pass: 'forward',
  collect: (graph, { probabilities, selected }) => {
    const [slots, chosen] = [Number(probabilities.shape[1]), Number(selected.shape[1])];
    // [T, k, 1] against [1, 1, N]: which of the k choices is which slot.
    const ids = graph.constant(
      Array.from({ length: slots }, (_, i) => i),
      [1, 1, slots],
      'int64',
    );
    const hits = graph.op('Equal', [reshape(selected, [-1, chosen, 1], ['T', chosen, 1]), ids], {
      dtype: 'bool',
      shape: ['T', chosen, slots],
    });
    const counts = graph.op('ReduceSum', [cast(hits, 'float32'), graph.constant([1], [1], 'int64')], {
      dtype: 'float32',
      shape: ['T', slots],
      attributes: { keepdims: 0 },
    });
    const isChosen = cast(greater(counts, graph.constant([0], [], 'float32')), 'float32');
    return { selected: columnSums(mul(probabilities, isChosen)), all: columnSums(probabilities) };
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
