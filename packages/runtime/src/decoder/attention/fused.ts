import type { Attention, Value } from '@moepress/core';
import { gather, groupQueryAttention, reshape, rotary } from '@moepress/graph';
import type { BatchInputs } from '../inputs.js';
import { project, projectQueriesKeysValues } from './project.js';

/** Keys and values: of earlier tokens [B, kvHeads, past, D], of the batch's own [B, S, kvHeads * D]. */
export interface KeyValues {
  readonly key: Value;
  readonly value: Value;
}

/**
 * x [T, H] to [T, H]. Projections run on the packed tokens; only the attention product itself sees
 * the padded [B, S] layout, so padding costs no matrix product.
 */
export function fusedAttention(
  x: Value,
  spec: Attention,
  batch: BatchInputs,
  past: KeyValues | null,
  epsilon: number,
): { output: Value; own: KeyValues } {
  const { query, key, value } = projectQueriesKeysValues(x, spec, epsilon);
  const turned = (part: Value) => rotary(part, batch.cos, batch.sin, batch.order);
  // Padding repeats some row and is never read.
  const padded = (part: Value) => gather(part, batch.pad);
  const own = { key: padded(turned(key)), value: padded(value) };
  const attended = groupQueryAttention({
    query: padded(turned(query)),
    ...own,
    past,
    lastPositions: batch.lastPositions,
    totalLength: batch.totalLength,
    heads: spec.heads,
    kvHeads: spec.kvHeads,
  });
  const width = spec.heads * spec.headDim;
  const packed = gather(reshape(attended, [-1, width], ['B*S', width]), batch.unpad);
  return { output: project(packed, spec.o), own };
}
