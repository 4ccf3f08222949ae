/**
 * The `count` lowest-scored of `candidates`, which ascend, in their order. Of equal scores the first
 * goes first: the order of layer, expert and channel (arXiv:2606.05538, released code).
 */
export function lowest(scores: Float64Array, candidates: Uint32Array, count: number): Uint32Array {
  if (count === 0) return new Uint32Array();
  if (count === candidates.length) return candidates;
  const sorted = Float64Array.from(candidates, (channel) => scores[channel]!).sort();
  const limit = sorted[count - 1]!;
  let ties = count - sorted.indexOf(limit);
  return candidates.filter((channel) => {
    const score = scores[channel]!;
    return score < limit || (score === limit && ties-- > 0);
  });
}

/** The `count` of `candidates` that `lowest` would take last, in their order. */
export function highest(scores: Float64Array, candidates: Uint32Array, count: number): Uint32Array {
  const others = lowest(scores, candidates, candidates.length - count);
  // Both ascend, so one walk tells them apart.
  let next = 0;
  return candidates.filter((channel) => {
    if (others[next] !== channel) return true;
    next++;
    return false;
  });
}
