import type { Attention, Rope, Value } from '@moepress/core';
import {
  add,
  causalMask,
  join,
  matmul,
  mul,
  reduceLogSumExp,
  reshape,
  sigmoid,
  slice,
  softmax,
  sub,
  timesNumber,
  transpose,
  unsqueeze,
} from '@moepress/graph';
import { weightFor } from '../weights.js';
import { headsOf, reachOf, valueDimOf } from './heads.js';
import { oneSequence, type Places } from './places.js';
import { project, split } from './project.js';

/** Cosine and sine of the rotary angles of each token, [T, D / 2]. */
export interface Angles {
  readonly cos: Value;
  readonly sin: Value;
}

/** What attention must know of the packed tokens. */
export interface Tokens extends Angles {
  /** Default: they are one sequence. */
  readonly places?: Places;
}

/**
 * Heads are taken some at a time: the products of all, S * S numbers each, forwards and backwards, would be most of
 * the memory that a derivative takes, and new memory costs more than the products.
 */
const chunksOf = (kvHeads: number): number => [4, 3, 2].find((count) => kvHeads % count === 0) ?? 1;

/** x [T, H] to [T, H], in operators that have derivatives and a double precision. */
export function differentiableAttention(x: Value, spec: Attention, tokens: Tokens, epsilon: number): Value {
  const { heads, kvHeads, headDim } = spec;
  const { places = oneSequence } = tokens;
  const turn = (part: Value, count: number) => turned(part, count, tokens, spec.rope);
  const { query, key, value } = headsOf(x, spec, turn, epsilon);
  const group = heads / kvHeads;
  const valueDim = valueDimOf(spec);
  // [B, kvHeads, group, S, D] against [B, kvHeads, 1, D, S]: the heads of a group share keys and values.
  const part = (value: Value, sizes: readonly number[], order: readonly number[]) =>
    transpose(places.spread(split(value, sizes)), order);
  // Scaled here, where there are fewer numbers than products.
  const queries = timesNumber(part(query, [kvHeads, group, headDim], [0, 2, 3, 1, 4]), spec.scale);
  const keys = part(key, [kvHeads, 1, headDim], [0, 2, 3, 4, 1]);
  const values = part(value, [kvHeads, 1, valueDim], [0, 2, 3, 1, 4]);
  const { window, sinks } = reachOf(spec);
  const logits = sinks && weightFor(x, sinks);
  const mask = causalMask(keys, window);
  const size = kvHeads / chunksOf(kvHeads);
  const chunks = Array.from({ length: kvHeads / size }, (_, i) => {
    const [from, to] = [i * size, (i + 1) * size];
    const [q, k, v] = [queries, keys, values].map((all) => slice(all, 1, from, to)) as [Value, Value, Value];
    const scores = add(matmul(q, k), mask);
    const attended = matmul(softmax(scores), v);
    return logits
      ? mul(attended, shareBesideSinks(scores, slice(logits, 0, from * group, to * group)))
      : attended;
  });
  const kept = join(chunks, 1);
  const packed = places.collect(transpose(kept, [0, 3, 1, 2, 4]));
  return project(split(packed, [heads * valueDim]), spec.o);
}

/**
 * What is left of a softmax over `scores` [B, kvHeads, group, S, S] when a further logit per head takes
 * part in it: Σ eˢ / (Σ eˢ + eᵗ) = sigmoid(log Σ eˢ - t), [B, kvHeads, group, S, 1].
 */
export function shareBesideSinks(scores: Value, sinks: Value): Value {
  const [, kvHeads, group] = scores.shape as number[];
  return sigmoid(sub(reduceLogSumExp(scores, [4], true), reshape(sinks, [kvHeads!, group!, 1, 1])));
}

/** Rotates each pair of x [T, heads * D], whose two numbers stand half a head apart or side by side. */
function turned(x: Value, heads: number, angles: Angles, { dim, pairing }: Rope): Value {
  const [sizes, axis] = pairing === 'halves' ? [[heads, 2, dim / 2], 2] : [[heads, dim / 2, 2], 3];
  const pairs = split(x, sizes);
  const [first, second] = [slice(pairs, axis, 0, 1), slice(pairs, axis, 1, 2)];
  const [cos, sin] = [angles.cos, angles.sin].map((part) => unsqueeze(unsqueeze(part, 1), axis));
  const after = [sub(mul(first, cos!), mul(second, sin!)), add(mul(second, cos!), mul(first, sin!))];
  return split(join(after, axis), [heads * dim]);
}
