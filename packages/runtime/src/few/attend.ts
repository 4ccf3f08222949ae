import type { Attention } from '@moepress/core';
import { firstSeen, reachOf } from '../tokens/reach.js';
import type { BlockCache } from './sequence-caches.js';
import { softmax } from './vectors.js';

/** One token of a sequence, at its position. */
export interface Place {
  readonly sequence: number;
  readonly position: number;
}

/** Writes keys and values of tokens of this thread's heads, both [tokens, heads, D], behind each other from a position on. */
export function remember(
  cache: BlockCache,
  { sequence, position }: Place,
  head: number,
  { key, value }: { readonly key: Float32Array; readonly value: Float32Array },
): void {
  const { arena, keyDim, valueDim, capacity } = cache;
  const keys = cache.addressOf(sequence, head) / 4;
  arena.floats.set(key, keys + position * keyDim);
  arena.floats.set(value, keys + capacity * keyDim + position * valueDim);
}

/**
 * What a head's query [D] finds among the keys up to its position, as far back as it sees: the sum of values [V], in
 * memory that the next call writes over.
 */
export function attend(
  cache: BlockCache,
  spec: Attention,
  {
    place: { sequence, position },
    head,
    query,
    sink,
  }: {
    readonly place: Place;
    readonly head: number;
    readonly query: Float32Array;
    readonly sink: number | null;
  },
): Float32Array {
  const { arena, keyDim, valueDim, capacity, queryAt, scoresAt, sumAt } = cache;
  const { floats, products } = arena;
  const first = firstSeen(position, reachOf(spec));
  const count = position - first + 1;
  const keys = cache.addressOf(sequence, Math.floor((head * spec.kvHeads) / spec.heads));
  const values = keys + 4 * capacity * keyDim;
  const scaled = floats.subarray(queryAt / 4, queryAt / 4 + keyDim);
  for (let i = 0; i < query.length; i++) scaled[i] = query[i]! * spec.scale;
  products.dots(keys + 4 * first * keyDim, count, keyDim, queryAt, scoresAt);
  softmax(floats.subarray(scoresAt / 4, scoresAt / 4 + count), sink);
  products.weighted(values + 4 * first * valueDim, count, valueDim, scoresAt, sumAt);
  return floats.subarray(sumAt / 4, sumAt / 4 + valueDim);
}
