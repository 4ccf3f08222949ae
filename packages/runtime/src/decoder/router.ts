import type { MoeFfn, Value } from '@moepress/core';
import {
  cast,
  div,
  equal,
  type GraphBuilder,
  gather,
  linear,
  reduceSum,
  scatterAdd,
  softmax,
  topK,
  transpose,
  weight,
  zeroRows,
} from '@moepress/graph';

/** Which experts each of T tokens goes to. N slots, k chosen, P experts in the pool. */
export interface Routing {
  /** [T, N] */
  readonly logits: Value;
  /** [T, N] */
  readonly probabilities: Value;
  /** Slots, int64 [T, k], by descending weight. */
  readonly selected: Value;
  /** [T, k] */
  readonly weights: Value;
  /** [T]: above zero where a token has chosen pool expert e. */
  hits(expert: number): Value;
  /** [T]: routing weight of pool expert e, the sum over slots that share it. */
  weightsOf(expert: number): Value;
}

/** Softmax routing: softmax over all slots, the k largest, divided by their sum if the model says so. */
export function route(graph: GraphBuilder, x: Value, ffn: MoeFfn): Routing {
  const { router, slots, pool } = ffn;
  const logits = graph.scoped('router', () => linear(x, weight(graph, router.weight)));
  const probabilities = softmax(logits);
  const chosen = topK(probabilities, router.topK);
  const selected = chosen.indices;
  const weights = router.normalise ? div(chosen.values, reduceSum(chosen.values, [1], true)) : chosen.values;

  const identity = slots.every((expert, slot) => expert === slot);
  const experts = identity ? selected : gather(graph.constant(slots, [slots.length], 'int64'), selected);
  // A weight may underflow to zero, so hits are counted apart from weights.
  const ones = cast(equal(selected, selected), 'float32');
  const perExpert = (updates: Value) =>
    transpose(scatterAdd(zeroRows(x, pool.length), experts, updates, 1), [1, 0]);
  const hits = perExpert(ones);
  const poolWeights = perExpert(weights);
  const row = (matrix: Value, e: number) => gather(matrix, graph.constant([e], [], 'int64'));
  return {
    logits,
    probabilities,
    selected,
    weights,
    hits: (e) => row(hits, e),
    weightsOf: (e) => row(poolWeights, e),
  };
}
