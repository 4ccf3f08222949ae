import type { GroupedQueryAttention, Linear, Value } from '@moepress/core';
import { clip, reshape, rmsNorm } from '@moepress/graph';
import { weightFor } from '../weights.js';
import { type HeadOptions, type Heads, project } from './projections.js';

/** Projected, normalised, clipped and rotated. */
export function groupedHeads(
  x: Value,
  spec: GroupedQueryAttention,
  { rotate, epsilon, asking = { x, rotate } }: HeadOptions,
): Heads {
  const part = (x: Value, linear: Linear, norm: (x: Value) => Value = (x) => x) =>
    clipped(norm(project(x, linear)), spec.clip);
  return {
    query: asking.rotate(
      part(asking.x, spec.q, (q) => normalised(q, spec, 'q', epsilon)),
      spec.heads,
    ),
    key: rotate(
      part(x, spec.k, (k) => normalised(k, spec, 'k', epsilon)),
      spec.kvHeads,
    ),
    value: part(x, spec.v),
  };
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
