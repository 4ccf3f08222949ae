import type { Attention, LatentAttention, Value } from '@moepress/core';
import {
  add,
  cast,
  matmul,
  mul,
  padEnd,
  reshape,
  softmax,
  timesNumber,
  transpose,
  unsqueeze,
} from '@moepress/graph';
import { weightFor } from '../weights.js';
import { shareBesideSinks } from './differentiable.js';
import { headsOf, sinksOf } from './heads.js';
import { bestOf, indexerOf, indexKeysOf, indexScores, keyDimOf, withIndexKey } from './indexer.js';
import { type HeadOptions, type IndexHeads, projectHeads } from './projections.js';
import { valueDimOf } from './value-dim.js';

/** What attention with caches knows besides the tokens' own hidden states. */
export interface CachedInputs extends HeadOptions {
  /** Keys, with those of an indexer as `keyDimOf` tells, and values of the tokens before these, [B, kvHeads, P, D] and [B, kvHeads, P, V]. */
  readonly past: { readonly key: Value; readonly value: Value };
  /** 0 where a token sees another, a very low number elsewhere, [B, 1, 1, S, P + S]. */
  readonly mask: Value;
  /** [T, n] as [B, S, n]. */
  readonly bySequence: (x: Value) => Value;
  /** Names the number P + S. */
  readonly total: string;
}

/**
 * x [T, H] to [T, H], S tokens of each of B sequences after P of each, in operators that every provider has. `present` are the
 * keys and values of all of them, [B, kvHeads, P + S, D] and [B, kvHeads, P + S, V], in the type of the past; `visible` is what an indexer, if there
 * is one, leaves of the mask.
 */
export function cachedAttention(
  x: Value,
  spec: Attention,
  { past, mask, bySequence, total, ...options }: CachedInputs,
): { output: Value; present: { key: Value; value: Value }; visible: Value } {
  const { heads, kvHeads, headDim, scale } = spec;
  const [group, valueDim, sinks] = [heads / kvHeads, valueDimOf(spec), sinksOf(spec)];
  const keyDim = keyDimOf(spec);
  const { query, key, value, gate, index } = headsOf(x, spec, options);
  const byHead = (part: Value, sizes: readonly number[], order: readonly number[]) => {
    const all = bySequence(part);
    return transpose(reshape(all, [0, 0, ...sizes], [...all.shape.slice(0, 2), ...sizes]), order);
  };
  const withPast = (before: Value, part: Value, dim: number) => {
    const own = cast(byHead(part, [kvHeads, dim], [0, 2, 1, 3]), before.dtype);
    return x.graph.op('Concat', [before, own], {
      shape: before.shape.with(2, total),
      attributes: { axis: 2 },
    });
  };
  const present = {
    key: withPast(past.key, withIndexKey(key, index, spec), keyDim),
    value: withPast(past.value, value, valueDim),
  };
  // [B, kvHeads, group, S, D] against [B, kvHeads, 1, D, P + S]: the heads of a group share keys and values.
  const asked = byHead(query, [kvHeads, group, headDim], [0, 2, 3, 1, 4]);
  const queries = padEnd(timesNumber(asked, scale), 4, keyDim);
  const allKeys = cast(present.key, 'float32');
  const keys = unsqueeze(transpose(allKeys, [0, 1, 3, 2]), 2);
  const visible = index ? chosen(index, spec as LatentAttention, { keys: allKeys, mask, bySequence }) : mask;
  const scores = add(matmul(queries, keys), visible);
  const attended = matmul(softmax(scores), unsqueeze(cast(present.value, 'float32'), 2));
  const kept = sinks ? mul(attended, shareBesideSinks(scores, weightFor(x, sinks))) : attended;
  const width = heads * valueDim;
  const packed = reshape(transpose(kept, [0, 3, 1, 2, 4]), [-1, width], ['T', width]);
  return { output: projectHeads(packed, gate, spec.o), present, visible };
}

/** What is left of the mask when an indexer has chosen among the keys, [B, 1, 1, S, P + S]. */
function chosen(
  { query, weights }: IndexHeads,
  spec: LatentAttention,
  { keys, mask, bySequence }: { readonly keys: Value } & Pick<CachedInputs, 'mask' | 'bySequence'>,
): Value {
  const indexer = indexerOf(spec)!;
  const { heads, dim, topK } = indexer;
  return bestOf(mask, topK, () => {
    const asked = bySequence(query);
    const byHead = reshape(asked, [0, 0, heads, dim], [...asked.shape.slice(0, 2), heads, dim]);
    const own = unsqueeze(transpose(indexKeysOf(keys, spec, indexer), [0, 2, 1]), 1);
    const products = matmul(transpose(byHead, [0, 2, 1, 3]), own);
    const shares = unsqueeze(transpose(bySequence(weights), [0, 2, 1]), 3);
    return unsqueeze(unsqueeze(indexScores(products, shares, 1), 1), 1);
  });
}
