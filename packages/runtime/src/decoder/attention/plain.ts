import type { Value } from '@moepress/core';
import {
  add,
  cast,
  concat,
  greater,
  matmul,
  mul,
  range,
  reshape,
  sizeOf,
  softmax,
  squeeze,
  timesNumber,
  transpose,
  unsqueeze,
  where,
} from '@moepress/graph';
import type { Reach } from '../../tokens/reach.js';
import { shareBesideSinks } from './differentiable.js';
import { bothOf, isNear, outOfReach, sequenceMask } from './masks.js';

export interface AttentionInputs extends Reach {
  /** [B, S, heads * D], then [B, S, kvHeads * D] twice; right-padded and already rotated. */
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** Earlier keys and values [B, kvHeads, P, D], or null. */
  readonly past: { readonly key: Value; readonly value: Value } | null;
  /** int32 [B]: length of each sequence, the past included, minus one. */
  readonly lastPositions: Value;
  readonly heads: number;
  readonly kvHeads: number;
  /** Factor on the products of queries and keys. */
  readonly scale: number;
  /** [heads]: a further logit of each head's softmax, with no value; or null. */
  readonly sinks: Value | null;
}

/**
 * Causal grouped-query attention [B, S, heads * D] in operators that every provider has; all scores stand in memory at
 * once. `past` may be longer than the past is; what lies beyond is not read.
 * Where there is a past, the batch is one token of each sequence.
 */
export function plainAttention(inputs: AttentionInputs): Value {
  const { query, key, value, past, heads, kvHeads, scale, sinks } = inputs;
  const dim = Number(query.shape[2]) / heads;
  const group = heads / kvHeads;
  const [batch, length] = query.shape as [string, string];
  // [B, kvHeads, group, S, D] against [B, kvHeads, 1, D, S]: the heads of a group share keys and values.
  const byHead = (x: Value, count: number, order: readonly number[]) =>
    transpose(reshape(x, [0, 0, kvHeads, count, dim], [batch, length, kvHeads, count, dim]), order);
  const queries = byHead(query, group, [0, 2, 3, 1, 4]);
  const products = (keys: Value) => timesNumber(matmul(queries, keys), scale);
  const own = products(byHead(key, 1, [0, 2, 3, 4, 1]));
  const ownScores = add(own, sequenceMask(own, inputs));
  const ownValues = byHead(value, 1, [0, 2, 3, 1, 4]);
  const earlier = past && {
    scores: add(products(unsqueeze(transpose(past.key, [0, 1, 3, 2]), 2)), pastMask(past.key, inputs)),
    values: unsqueeze(past.value, 2),
  };
  const scores = earlier ? concat([earlier.scores, ownScores], 4) : ownScores;
  const values = earlier ? concat([earlier.values, ownValues], 3) : ownValues;
  const attended = matmul(softmax(scores), values);
  const kept = sinks ? mul(attended, shareBesideSinks(scores, sinks)) : attended;
  return reshape(transpose(kept, [0, 3, 1, 2, 4]), [0, 0, heads * dim], query.shape);
}

/** 0 where a sequence's next token may look back to, a very low number elsewhere: [B, 1, 1, 1, P]. */
function pastMask(pastKey: Value, inputs: AttentionInputs): Value {
  const { graph } = pastKey;
  return graph.onHost(() => {
    const places = range(graph, squeeze(sizeOf(pastKey, 2), 0), 'past');
    const next = unsqueeze(cast(inputs.lastPositions, 'int64'), 1);
    const [visible, low] = [0, outOfReach].map((number) => graph.constant([number], [], pastKey.dtype));
    const isSeen = bothOf(greater(next, places), isNear(places, next, inputs));
    return reshape(where(isSeen, visible!, low!), [0, 1, 1, 1, -1], ['B', 1, 1, 1, 'past']);
  });
}
