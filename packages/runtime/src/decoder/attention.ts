import type { Attention, Linear, Value } from '@moepress/core';
import {
  clip,
  type GraphBuilder,
  gather,
  groupQueryAttention,
  linear,
  reshape,
  rmsNorm,
  rotary,
  weight,
} from '@moepress/graph';
import type { BatchInputs } from './inputs.js';

/** Keys and values: of earlier tokens [B, kvHeads, past, D], of the batch's own [B, S, kvHeads * D]. */
export interface KeyValues {
  readonly key: Value;
  readonly value: Value;
}

/**
 * x [T, H] to [T, H]. Projections run on the packed tokens; only the attention product itself sees
 * the padded [B, S] layout, so padding costs no matrix product.
 */
export function attention(
  graph: GraphBuilder,
  x: Value,
  spec: Attention,
  batch: BatchInputs,
  past: KeyValues | null,
  epsilon: number,
): { output: Value; own: KeyValues } {
  const heads = (part: 'q' | 'k') => {
    const norm = spec.qkNorm && weight(graph, spec.qkNorm[part]);
    const projected = clipped(project(graph, x, spec[part]), spec.clip);
    const normed = norm ? normalise(projected, norm, spec, epsilon) : projected;
    return padded(rotary(normed, batch.cos, batch.sin, batch.order), batch);
  };
  const own = { key: heads('k'), value: padded(clipped(project(graph, x, spec.v), spec.clip), batch) };
  const attended = groupQueryAttention({
    query: heads('q'),
    ...own,
    past,
    lastPositions: batch.lastPositions,
    totalLength: batch.totalLength,
    heads: spec.heads,
    kvHeads: spec.kvHeads,
  });
  const width = spec.heads * spec.headDim;
  const packed = gather(reshape(attended, [-1, width], ['B*S', width]), batch.unpad);
  return { output: project(graph, packed, spec.o), own };
}

function project(graph: GraphBuilder, x: Value, spec: Linear): Value {
  return linear(x, weight(graph, spec.weight), spec.bias && weight(graph, spec.bias));
}

function clipped(x: Value, bound: number | null): Value {
  return bound === null ? x : clip(x, bound);
}

/** OLMoE normalises all heads of a token together, Qwen3 each head by itself. */
function normalise(x: Value, norm: Value, spec: Attention, epsilon: number): Value {
  if (spec.qkNorm!.over === 'projection') return rmsNorm(x, norm, epsilon);
  const width = Number(x.shape[1]);
  const byHead = reshape(x, [-1, spec.headDim], ['T*heads', spec.headDim]);
  return reshape(rmsNorm(byHead, norm, epsilon), [-1, width], ['T', width]);
}

/** Packed rows [T, width] laid out as [B, S, width]; padding repeats some row and is never read. */
function padded(x: Value, batch: BatchInputs): Value {
  return gather(x, batch.pad);
}
