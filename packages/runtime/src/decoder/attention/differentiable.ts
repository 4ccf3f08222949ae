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
import { project, split } from './project.js';

/** Cosine and sine of the rotary angles of each token, [T, D / 2]. */
export interface Angles {
  readonly cos: Value;
  readonly sin: Value;
}

/** x [T, H] of one sequence to [T, H], in operators that have derivatives and a double precision. */
export function differentiableAttention(x: Value, spec: Attention, angles: Angles, epsilon: number): Value {
  const { heads, kvHeads, headDim } = spec;
  const turn = (part: Value, count: number) => turned(part, count, angles, spec.rope);
  const { query, key, value } = headsOf(x, spec, turn, epsilon);
  const group = heads / kvHeads;
  const valueDim = valueDimOf(spec);
  // [kvHeads, group, T, D] against [kvHeads, 1, D, T]: the heads of a group share keys and values.
  const queries = transpose(split(query, [kvHeads, group, headDim]), [1, 2, 0, 3]);
  const keys = transpose(split(key, [kvHeads, 1, headDim]), [1, 2, 3, 0]);
  const values = transpose(split(value, [kvHeads, 1, valueDim]), [1, 2, 0, 3]);
  const { window, sinks } = reachOf(spec);
  const scores = add(timesNumber(matmul(queries, keys), spec.scale), causalMask(x, window));
  const attended = matmul(softmax(scores), values);
  const kept = sinks ? mul(attended, shareBesideSinks(scores, weightFor(x, sinks))) : attended;
  return project(split(transpose(kept, [2, 0, 1, 3]), [heads * valueDim]), spec.o);
}

/**
 * What is left of a softmax over `scores` [kvHeads, group, T, T] when a further logit per head takes
 * part in it: Σ eˢ / (Σ eˢ + eᵗ) = sigmoid(log Σ eˢ - t), [kvHeads, group, T, 1].
 */
function shareBesideSinks(scores: Value, sinks: Value): Value {
  const [kvHeads, group] = scores.shape as number[];
  return sigmoid(sub(reduceLogSumExp(scores, [3], true), reshape(sinks, [kvHeads!, group!, 1, 1])));
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
