import type { Value } from '@moepress/core';
import {
  add,
  cast,
  concat,
  gather,
  greater,
  mul,
  plusNumber,
  reduceSum,
  silu,
  sizeOf,
  slice,
  sliceDynamic,
  squeeze,
  transpose,
  unsqueeze,
  zeros,
} from '@moepress/graph';
import type { ChunkInputs } from './chunks.js';

/** silu of the causal depthwise convolution of x [T, channels] with `weight` [channels, 1, window], each sequence by itself. */
export function convolved(x: Value, weight: Value, { within }: ChunkInputs): Value {
  const { graph } = x;
  const window = Number(weight.shape[2]);
  const padded = withZeros(x, window - 1);
  const rows = sizeOf(x, 0);
  const terms = Array.from({ length: window }, (_, back) => {
    const start = window - 1 - back;
    const from = graph.constant([start], [1], 'int64');
    const shifted =
      start === window - 1 ? x : sliceDynamic(padded, 0, { from, to: plusNumber(rows, start), count: 'T' });
    const own = mul(shifted, tap(weight, start));
    if (back === 0) return own;
    const known = greater(within, graph.constant([back - 1], [], 'int32'));
    return mul(own, unsqueeze(cast(known, x.dtype), 1));
  });
  return silu(terms.reduce((sum, term) => add(sum, term)));
}

/** The last `window - 1` rows of x [T, channels] of each sequence, [B, window - 1, channels]. */
export const tailsOf = (x: Value, { tails }: ChunkInputs): Value => gather(withZeros(x, 1), tails);

/**
 * The same for one more token x [B, channels] of each sequence after `tail` [B, window - 1, channels], and the tail after
 * it.
 */
export function convolvedStep(
  x: Value,
  weight: Value,
  tail: Value,
): { readonly output: Value; readonly tail: Value } {
  const seen = concat([tail, unsqueeze(x, 1)], 1);
  const taps = transpose(squeeze(weight, 1), [1, 0]);
  const window = Number(weight.shape[2]);
  return { output: silu(reduceSum(mul(seen, taps), [1])), tail: slice(seen, 1, 1, window) };
}

const tap = (weight: Value, at: number): Value => squeeze(squeeze(slice(weight, 2, at, at + 1), 2), 1);

const withZeros = (x: Value, rows: number): Value =>
  rows === 0 ? x : concat([zeros(x.graph, [rows, Number(x.shape[1])], x.dtype), x], 0);
