import type { GroupedQueryAttention, Value } from '@moepress/core';
import { clip, concat, reshape, sigmoid, slice, timesNumber } from '@moepress/graph';
import { type NormOptions, normed, unweighted } from '../norm.js';
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
  const keys = project(x, spec.k);
  const query = clipped(norm('q', 'before')(asked.query), spec.clip);
  const key = clipped(norm('k', 'before')(keys), spec.clip);
  const gate = spec.gate ? project(asking.x, spec.gate) : asked.gate;
  return {
    query: norm('q', 'after')(rotated(query, spec.heads, asking.rotate, spec)),
    key: norm('k', 'after')(rotated(key, spec.kvHeads, rotate, spec)),
    value: clipped(valuesOf(spec.v ? project(x, spec.v) : keys, spec, norms), spec.clip),
    gate: gate && sigmoid(gate),
    index: null,
  };
}

function valuesOf(
  values: Value,
  { valueNorm, valueScale, valueDim, headDim }: GroupedQueryAttention,
  norms: NormOptions,
): Value {
  const own = valueNorm ? byHead(values, valueDim ?? headDim, (part) => unweighted(part, norms)) : values;
  return valueScale === undefined ? own : timesNumber(own, valueScale);
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
  const all = viewAs(x, [heads, headDim]);
  const first = rotate(viewAs(slice(all, 2, 0, rope.dim), [heads * rope.dim]), heads);
  const rest = slice(all, 2, rope.dim, headDim);
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
  const weight = qkNorm[part];
  const norm = (rows: Value) => (weight ? normed(rows, weight, norms) : unweighted(rows, norms));
  return qkNorm.over === 'projection' ? norm(x) : byHead(x, headDim, norm);
}

/** What `of` makes of each head of x [T, heads * dim]. */
function byHead(x: Value, dim: number, of: (heads: Value) => Value): Value {
  const width = Number(x.shape[1]);
  return reshape(of(reshape(x, [-1, dim], ['T*heads', dim])), [-1, width], ['T', width]);
}
