import type { Attention, Value } from '@moepress/core';
import {
  add,
  causalMask,
  join,
  matmul,
  mul,
  reshape,
  slice,
  softmax,
  sub,
  timesNumber,
  transpose,
  unsqueeze,
} from '@moepress/graph';
import { project, projectQueriesKeysValues } from './project.js';

/** Cosine and sine of the rotary angles of each token, [T, D / 2]. */
export interface Angles {
  readonly cos: Value;
  readonly sin: Value;
}

/** x [T, H] of one sequence to [T, H], in operators that have derivatives and a double precision. */
export function differentiableAttention(x: Value, spec: Attention, angles: Angles, epsilon: number): Value {
  const { heads, kvHeads, headDim } = spec;
  const { query, key, value } = projectQueriesKeysValues(x, spec, epsilon);
  const group = heads / kvHeads;
  // [kvHeads, group, T, D] against [kvHeads, 1, D, T]: the heads of a group share keys and values.
  const queries = transpose(byHead(turn(query, heads, angles), [kvHeads, group, headDim]), [1, 2, 0, 3]);
  const keys = transpose(byHead(turn(key, kvHeads, angles), [kvHeads, 1, headDim]), [1, 2, 3, 0]);
  const values = transpose(byHead(value, [kvHeads, 1, headDim]), [1, 2, 0, 3]);
  const scores = timesNumber(matmul(queries, keys), headDim ** -0.5);
  const attended = matmul(softmax(add(scores, causalMask(x))), values);
  const width = heads * headDim;
  return project(reshape(transpose(attended, [2, 0, 1, 3]), [-1, width], ['T', width]), spec.o);
}

function byHead(x: Value, sizes: readonly number[]): Value {
  return reshape(x, [-1, ...sizes], ['T', ...sizes]);
}

/** Rotates each head's halves against each other. */
function turn(x: Value, heads: number, angles: Angles): Value {
  const width = Number(x.shape[1]);
  const headDim = width / heads;
  const split = byHead(x, [heads, headDim]);
  const [first, second] = [slice(split, 2, 0, headDim / 2), slice(split, 2, headDim / 2, headDim)];
  const [cos, sin] = [unsqueeze(angles.cos, 1), unsqueeze(angles.sin, 1)];
  const turned = [sub(mul(first, cos), mul(second, sin)), add(mul(second, cos), mul(first, sin))];
  return reshape(join(turned, 2), [-1, width], ['T', width]);
}
