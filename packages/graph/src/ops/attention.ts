import type { Rope, Value } from '@moepress/core';
import type { GraphBuilder } from '../builder.js';
import { join, sizeOf, squeeze, unsqueeze } from './layout.js';
import { add, plusNumber, sub } from './math.js';

const domain = 'com.microsoft';

/** Cosine and sine [T, D / 2] of each token's rotary angles; `order` int64 [1, T] counts the tokens. */
export interface RotaryAngles {
  readonly cos: Value;
  readonly sin: Value;
  readonly order: Value;
}

/** Rotates queries or keys x [T, heads * D] by the angles of their positions. */
export function rotary(x: Value, { cos, sin, order }: RotaryAngles, pairing: Rope['pairing']): Value {
  return squeeze(
    x.graph.op('RotaryEmbedding', [unsqueeze(x, 0), order, cos, sin], {
      domain,
      shape: [1, ...x.shape],
      attributes: { interleaved: pairing === 'neighbours' ? 1 : 0 },
    }),
    0,
  );
}

/**
 * [Q, K] for scores [.., Q, K] of some tokens and all up to the last of them: 0 where a token may look, which is at
 * itself and those before it, or at itself and the `window - 1` before it; a very low number elsewhere.
 */
export function causalMask(scores: Value, window: number | null): Value {
  const { graph, dtype } = scores;
  const [queries, keys] = [sizeOf(scores, -2), sizeOf(scores, -1)];
  const low = graph.op('Expand', [graph.constant([-1e30], [], dtype), join([queries, keys], 0)], {
    dtype,
    shape: scores.shape.slice(-2),
  });
  const earlier = sub(keys, queries);
  const triangle = (diagonal: number, upper: 0 | 1) =>
    graph.op('Trilu', [low, squeeze(plusNumber(earlier, diagonal), 0)], { attributes: { upper } });
  return window === null ? triangle(1, 1) : add(triangle(1, 1), triangle(-window, 0));
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
  /** Of the products of queries and keys. */
  readonly scale: number;
  /** A token sees itself and the `window - 1` tokens before it; null: all before it. */
  readonly window: number | null;
  /** [heads]: a further logit of each head's softmax, with no value; or null. */
  readonly sinks: Value | null;
}

/**
 * Causal grouped-query attention: [B, S, heads * D]. `past` may be longer than the past is; what lies
 * beyond is not read.
 */
export function groupQueryAttention(inputs: AttentionInputs): Value {
  const { query, key, value, past, heads, kvHeads, scale, window, sinks } = inputs;
  const headDim = Number(query.shape[2]) / heads;
  const present = { dtype: query.dtype, shape: [query.shape[0]!, kvHeads, 'total', headDim] };
  const [output] = (query.graph as GraphBuilder).multi(
    'GroupQueryAttention',
    [
      ...[query, key, value, past?.key ?? null, past?.value ?? null],
      ...[inputs.lastPositions, inputs.totalLength],
      // Rotary tables, positions and a bias of the scores stand between.
      ...(sinks ? [null, null, null, null, sinks] : []),
    ],
    [{ dtype: query.dtype, shape: query.shape }, present, present],
    {
      domain,
      attributes: {
        num_heads: heads,
        kv_num_heads: kvHeads,
        scale: { float: scale },
        local_window_size: window ?? -1,
      },
    },
  );
  return output!;
}
