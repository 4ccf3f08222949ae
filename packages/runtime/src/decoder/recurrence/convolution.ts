import type { DepthwiseConvolution, TensorExpr, Value } from '@moepress/core';
import {
  add,
  cast,
  concat,
  gather,
  greater,
  mul,
  plusNumber,
  reduceSum,
  sizeOf,
  slice,
  sliceDynamic,
  squeeze,
  transpose,
  unsqueeze,
  zeros,
} from '@moepress/graph';
import type { ChunkInputs } from '../delta-rule/chunks.js';
import { weightFor } from '../weights.js';

/** The causal depthwise convolution of x [T, channels], each sequence by itself. */
export function depthwise(
  x: Value,
  { weight: stored, bias }: DepthwiseConvolution,
  { within }: Pick<ChunkInputs, 'within'>,
): Value {
  const { graph } = x;
  const weight = weightFor(x, stored);
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
  return withBias(
    terms.reduce((sum, term) => add(sum, term)),
    bias,
  );
}

/** The last `window - 1` rows of x [T, channels] of each sequence, [B, window - 1, channels]. */
export const tailsOf = (x: Value, { tails }: ChunkInputs): Value => gather(withZeros(x, 1), tails);

/**
 * The same for one more token x [B, channels] of each sequence after `tail` [B, window - 1, channels], and the tail after
 * it. Where the window is one token there is no tail.
 */
export function depthwiseStep(
  x: Value,
  { weight: stored, bias }: DepthwiseConvolution,
  tail: Value | undefined,
): { readonly output: Value; readonly tail: Value | undefined } {
  const weight = weightFor(x, stored);
  const window = Number(weight.shape[2]);
  if (!tail) return { output: withBias(mul(x, tap(weight, 0)), bias), tail };
  const seen = concat([tail, unsqueeze(x, 1)], 1);
  const taps = transpose(squeeze(weight, 1), [1, 0]);
  const output = withBias(reduceSum(mul(seen, taps), [1]), bias);
  return { output, tail: slice(seen, 1, 1, window) };
}

const withBias = (x: Value, bias: TensorExpr | null): Value => (bias ? add(x, weightFor(x, bias)) : x);

const tap = (weight: Value, at: number): Value => squeeze(squeeze(slice(weight, 2, at, at + 1), 2), 1);

const withZeros = (x: Value, rows: number): Value =>
  rows === 0 ? x : concat([zeros(x.graph, [rows, Number(x.shape[1])], x.dtype), x], 0);
