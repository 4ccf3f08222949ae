import type { GroupedQueryAttention, Value } from '@moepress/core';
import { clip, concat, reshape, sigmoid, slice } from '@moepress/graph';
import { type NormOptions, normed } from '../norm.js';
import { type HeadOptions, type Heads, project, type Rotate, viewAs } from './projections.js';

/** Projected, normalised, clipped and rotated. */
export function groupedHeads(
  x: Value,
  spec: GroupedQueryAttention,
  { rotate, norms, asking = { x, rotate } }: HeadOptions,
): Heads {
  const norm = (of: 'q' | 'k', place: 'before' | 'after') => (part: Value) =>
    place === (spec.qkNorm?.afterRotation ? 'after' : 'before') ? normalised(part, spec, of, norms) : part;
  const asked = askedOf(project(asking.x, spec.q), spec);
  const query = clipped(norm('q', 'before')(asked.query), spec.clip);
  const key = clipped(norm('k', 'before')(project(x, spec.k)), spec.clip);
  return {
    query: norm('q', 'after')(rotated(query, spec.heads, asking.rotate, spec)),
    key: norm('k', 'after')(rotated(key, spec.kvHeads, rotate, spec)),
    value: clipped(project(x, spec.v), spec.clip),
    gate: asked.gate && sigmoid(asked.gate),
    index: null,
  };
}

/** Queries, and gates where they stand behind them, head by head. */
function askedOf(
  q: Value,
  { outputGate, heads, headDim }: GroupedQueryAttention,
): { query: Value; gate: Value | null } {
  if (!outputGate) return { query: q, gate: null };
  const both = viewAs(q, [heads, 2 * headDim]);
  const part = (from: number) => viewAs(slice(both, 2, from, from + headDim), [heads * headDim]);
  return { query: part(0), gate: part(headDim) };
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
  norms: NormOptions,
): Value {
  if (!qkNorm) return x;
  const norm = qkNorm[part];
  if (qkNorm.over === 'projection') return normed(x, norm, norms);
  const byHead = reshape(x, [-1, headDim], ['T*heads', headDim]);
  const width = Number(x.shape[1]);
  return reshape(normed(byHead, norm, norms), [-1, width], ['T', width]);
}
