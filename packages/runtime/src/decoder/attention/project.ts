import type { Attention, Linear, Value } from '@moepress/core';
import { clip, linear, reshape, rmsNorm } from '@moepress/graph';
import { weightFor } from '../weights.js';

/** Queries [T, heads * D], keys and values [T, kvHeads * D]: projected, clipped, normalised, not yet rotated. */
export function projectQueriesKeysValues(x: Value, spec: Attention, epsilon: number) {
  const part = (linearSpec: Linear) => clipped(project(x, linearSpec), spec.clip);
  return {
    query: normalised(part(spec.q), spec, 'q', epsilon),
    key: normalised(part(spec.k), spec, 'k', epsilon),
    value: part(spec.v),
  };
}

/** y = x Wᵀ + b */
export function project(x: Value, { weight, bias }: Linear): Value {
  return linear(x, weightFor(x, weight), bias && weightFor(x, bias));
}

function clipped(x: Value, bound: number | null): Value {
  return bound === null ? x : clip(x, bound);
}

/** OLMoE normalises all heads of a token together, Qwen3 each head by itself. */
function normalised(x: Value, { qkNorm, headDim }: Attention, part: 'q' | 'k', epsilon: number): Value {
  if (!qkNorm) return x;
  const norm = weightFor(x, qkNorm[part]);
  if (qkNorm.over === 'projection') return rmsNorm(x, norm, epsilon);
  const byHead = reshape(x, [-1, headDim], ['T*heads', headDim]);
  const width = Number(x.shape[1]);
  return reshape(rmsNorm(byHead, norm, epsilon), [-1, width], ['T', width]);
}
