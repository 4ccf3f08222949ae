import type { Value } from '@moepress/core';
import type { GraphBuilder } from '../builder.js';
import { join, rowCount, squeeze, unsqueeze } from './layout.js';

const domain = 'com.microsoft';

/**
 * Rotates queries or keys x [T, heads * D] by the angles of their positions: `cos` and `sin`
 * [T, D / 2] hold one row a token, `order` int64 [1, T] counts the rows. The halves of a head turn
 * against each other, as in Hugging Face's Llama-like models.
 */
export function rotary(x: Value, cos: Value, sin: Value, order: Value): Value {
  return squeeze(
    x.graph.op('RotaryEmbedding', [unsqueeze(x, 0), order, cos, sin], { domain, shape: [1, ...x.shape] }),
    0,
  );
}

/** [T, T] for the T rows of `like`: 0 where a token may look, a very low number above the diagonal. */
export function causalMask(like: Value): Value {
  const { graph, dtype } = like;
  const rows = rowCount(like);
  const size = like.shape[0]!;
  const low = graph.op('Expand', [graph.constant([-1e30], [], dtype), join([rows, rows], 0)], {
    dtype,
    shape: [size, size],
  });
  return graph.op('Trilu', [low, graph.constant([1], [], 'int64')], { attributes: { upper: 1 } });
}

export interface AttentionInputs {
  /** [B, S, heads * D], then [B, S, kvHeads * D] twice; right-padded and already rotated. */
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** Earlier keys and values [B, kvHeads, P, D], or null. */
  readonly past: { readonly key: Value; readonly value: Value } | null;
  /** int32 [B]: length of each sequence, the past included, minus one. */
  readonly lastPositions: Value;
  /** int32 [1]: the longest sequence, the past included. */
  readonly totalLength: Value;
  readonly heads: number;
  readonly kvHeads: number;
}

/**
 * Causal grouped-query attention, scores scaled by D^-1/2: [B, S, heads * D]. `past` may be longer
 * than the past is; what lies beyond is not read.
 */
export function groupQueryAttention(inputs: AttentionInputs): Value {
  const { query, key, value, past, heads, kvHeads } = inputs;
  const headDim = Number(query.shape[2]) / heads;
  const present = { dtype: query.dtype, shape: [query.shape[0]!, kvHeads, 'total', headDim] };
  const [output] = (query.graph as GraphBuilder).multi(
    'GroupQueryAttention',
    [query, key, value, past?.key ?? null, past?.value ?? null, inputs.lastPositions, inputs.totalLength],
    [{ dtype: query.dtype, shape: query.shape }, present, present],
    { domain, attributes: { num_heads: heads, kv_num_heads: kvHeads } },
  );
  return output!;
}
