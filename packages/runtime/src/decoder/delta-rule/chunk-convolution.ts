import type { Value } from '@moepress/core';
import { add, concat, mul, plusNumber, silu, sizeOf, slice, sliceDynamic, squeeze } from '@moepress/graph';

/**
 * silu of the causal depthwise convolution of x [B, C, channels] with `taps` [window, channels], after the inputs `tail`
 * [B, window - 1, channels] of the tokens before, and the tail after it.
 */
export function convolvedChunk(
  x: Value,
  taps: Value,
  tail: Value,
): { readonly output: Value; readonly tail: Value } {
  const { graph } = x;
  const window = Number(taps.shape[0]);
  const seen = concat([tail, x], 1);
  const count = sizeOf(x, 1);
  const chunk = x.shape[1]!;
  const from = (at: number) => graph.constant([at], [1], 'int64');
  const terms = Array.from({ length: window }, (_, at) => {
    const to = plusNumber(count, at);
    const own = at === window - 1 ? x : sliceDynamic(seen, 1, { from: from(at), to, count: chunk });
    return mul(own, squeeze(slice(taps, 0, at, at + 1), 0));
  });
  const last = sliceDynamic(seen, 1, { from: count, to: plusNumber(count, window - 1), count: window - 1 });
  return {
    output: silu(terms.reduceRight((sum, term) => add(sum, term))),
    tail: last,
  };
}
