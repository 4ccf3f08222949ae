import type { Value } from '@moepress/core';
import {
  cast,
  clip,
  concat,
  div,
  equal,
  exp,
  gatherElements,
  greater,
  mul,
  neg,
  plusNumber,
  reciprocal,
  reduceSum,
  scatterAdd,
  slice,
  sub,
  topK,
  where,
  zeroRows,
} from '@moepress/graph';
import type { Selection } from './select.js';

/**
 * The two slots with the highest `logits` [T, N]. Each weighs its softmax among the slots whose logits are at most
 * `threshold` lower, as a share of the larger of their own size and the chosen logit; the second among those that the
 * first left (SparseMixer-v2 without noise, arXiv 2409.12136, as Phi-3.5-MoE evaluates it). What is within reach counts as
 * a constant for gradients.
 */
export function sparseMixer(logits: Value, threshold: number): Selection {
  const { graph, dtype } = logits;
  const { values, indices } = topK(logits, 2);
  const first = slice(indices, 1, 0, 1);
  const zero = graph.constant([0], [], dtype);
  const isFirst = scatterAdd(
    zeroRows(logits, Number(logits.shape[1])),
    first,
    cast(equal(first, first), dtype),
    1,
  );
  const size = where(greater(logits, zero), logits, neg(logits));
  /** What softmax gives the chosen slot: 1 / Σ exp(s - chosen) over the slots within reach. */
  const shareOf = (place: 0 | 1) => {
    const chosen = slice(values, 1, place, place + 1);
    const lower = div(sub(chosen, logits), where(greater(size, chosen), size, chosen));
    const isBeyond = greater(lower, graph.constant([threshold], [], dtype));
    const within = plusNumber(neg(cast(isBeyond, dtype)), 1);
    const left = place === 0 ? within : mul(within, plusNumber(neg(isFirst), 1));
    // The first is above the second, and no longer there.
    return reciprocal(reduceSum(mul(left, exp(clip(sub(logits, chosen), null, 0))), [1], true));
  };
  // The second may weigh more than the first.
  const sorted = topK(concat([shareOf(0), shareOf(1)], 1), 2);
  return { selected: gatherElements(indices, sorted.indices, 1), scores: sorted.values };
}
