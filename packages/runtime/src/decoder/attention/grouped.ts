import type { GroupedQueryAttention, Linear, Value } from '@moepress/core';
import { clip, concat, reshape, rmsNorm, slice } from '@moepress/graph';
import { weightFor } from '../weights.js';
import { type HeadOptions, type Heads, project, type Rotate, viewAs } from './projections.js';

/** Projected, normalised, clipped and rotated. */
export function groupedHeads(
  x: Value,
  spec: GroupedQueryAttention,
  { rotate, epsilon, asking = { x, rotate } }: HeadOptions,
): Heads {
  const part = (x: Value, linear: Linear, norm: (x: Value) => Value = (x) => x) =>
    clipped(norm(project(x, linear)), spec.clip);
  const norm = (of: 'q' | 'k', place: 'before' | 'after') => (part: Value) =>
    place === (spec.qkNorm?.afterRotation ? 'after' : 'before') ? normalised(part, spec, of, epsilon) : part;
  const query = part(asking.x, spec.q, norm('q', 'before'));
  const key = part(x, spec.k, norm('k', 'before'));
  return {
    query: norm('q', 'after')(rotated(query, spec.heads, asking.rotate, spec)),
    key: norm('k', 'after')(rotated(key, spec.kvHeads, rotate, spec)),
    value: part(x, spec.v),
  };
}

/** The first `rope.dim` dimensions of each head rotated, the others as they are. */
function rotated(
  x: Value,
  heads: number,
  rotate: Rotate,
  { headDim, rope, unrotated }: GroupedQueryAttention,
): Value {
  if (unrotated) return x;
  if (rope.dim === headDim) return rotate(x, heads);
  const byHead = viewAs(x, [heads, headDim]);
  const first = rotate(viewAs(slice(byHead, 2, 0, rope.dim), [heads * rope.dim]), heads);
  const rest = slice(byHead, 2, rope.dim, headDim);
  return viewAs(concat([viewAs(first, [heads, rope.dim]), rest], 2), [heads * headDim]);
}

function clipped(x: Value, bound: number | null): Value {
  return bound === null ? x : clip(x, -bound, bound);
}

/** OLMoE normalises all heads of a token together, Qwen3 each head by itself. */
function normalised(
  x: Value,
  { qkNorm, headDim }: GroupedQueryAttention,
  part: 'q' | 'k',
  epsilon: number,
): Value {
  if (!qkNorm) return x;
  const norm = weightFor(x, qkNorm[part]);
  if (qkNorm.over === 'projection') return rmsNorm(x, norm, epsilon);
  const byHead = reshape(x, [-1, headDim], ['T*heads', headDim]);
  const width = Number(x.shape[1]);
  return reshape(rmsNorm(byHead, norm, epsilon), [-1, width], ['T', width]);
}
