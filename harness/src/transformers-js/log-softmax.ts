import type { SequenceScore, TokenSequence } from '@moepress/core';

/** `logits` [length - 1, vocabulary] of one sequence: row t predicts id t + 1. Sums in double precision. */
export function scoreRows(logits: Float32Array, { ids, from }: TokenSequence): SequenceScore {
  const vocabulary = logits.length / (ids.length - 1);
  let logprob = 0;
  let isGreedy = true;
  for (let t = from; t < ids.length; t++) {
    const row = logits.subarray((t - 1) * vocabulary, t * vocabulary);
    const own = row[ids[t]!]!;
    let best = 0;
    for (let v = 1; v < vocabulary; v++) if (row[v]! > row[best]!) best = v;
    let sum = 0;
    for (let v = 0; v < vocabulary; v++) sum += Math.exp(row[v]! - row[best]!);
    logprob += own - row[best]! - Math.log(sum);
    isGreedy &&= best === ids[t];
  }
  return { logprob, isGreedy };
}
