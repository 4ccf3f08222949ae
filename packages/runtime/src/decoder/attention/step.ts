import type { Attention, LatentAttention, Value } from '@moepress/core';
import {
  add,
  concat,
  matmul,
  mul,
  padEnd,
  reduceSum,
  reshape,
  rotary,
  scaledProduct,
  softmax,
  split,
  squeeze,
  timesNumber,
  transpose,
  unsqueeze,
} from '@moepress/graph';
import type { AngleInputs } from '../inputs.js';
import type { NormOptions } from '../norm.js';
import { weightFor } from '../weights.js';
import { shareBesideSinks } from './differentiable.js';
import { headsOf, sinksOf } from './heads.js';
import { bestOf, indexerOf, indexKeysOf, indexScores, keyDimOf, withIndexKey } from './indexer.js';
import { type IndexHeads, projectHeads, type Rotate, viewAs } from './projections.js';
import { valueDimOf } from './value-dim.js';

/** Keys and values of the tokens before the newest ones: P that all sequences share, then up to C of each. */
export interface Caches {
  /** [kvHeads, P, D] and [kvHeads, P, V] */
  readonly sharedKey: Value;
  readonly sharedValue: Value;
  /** [B, kvHeads, C, D] and [B, kvHeads, C, V] */
  readonly pastKey: Value;
  readonly pastValue: Value;
  /** 0 where the newest token of a sequence sees a place, a very low number elsewhere, [B, 1, 1, P + C + 1]. */
  readonly mask: Value;
}

/**
 * x [B, H] to [B, H], one token of each sequence. What all share is one product for all of them, and is in memory once.
 * `own` are the keys [B, kvHeads, D] and values [B, kvHeads, V] of the tokens.
 */
export function stepAttention(
  x: Value,
  spec: Attention,
  {
    angles,
    caches,
    norms,
  }: { readonly angles: AngleInputs; readonly caches: Caches; readonly norms: NormOptions },
): { output: Value; own: { key: Value; value: Value } } {
  const { heads, kvHeads, headDim, scale, rope } = spec;
  const [group, valueDim] = [heads / kvHeads, valueDimOf(spec)];
  const sinks = sinksOf(spec);
  const keyDim = keyDimOf(spec);
  const rotate: Rotate = (part, _, pairing = rope.pairing) => rotary(part, angles, pairing);
  const rotated = headsOf(x, spec, { rotate, norms });
  const query = padEnd(viewAs(rotated.query, [kvHeads, group, headDim]), 3, keyDim);
  const key = viewAs(withIndexKey(rotated.key, rotated.index, spec), [kvHeads, keyDim]);
  const value = viewAs(rotated.value, [kvHeads, valueDim]);

  // [kvHeads, group, B, ..], so that shared keys and values meet all sequences in one product of each head.
  const headsFirst = (part: Value) => transpose(part, [1, 2, 0, 3]);
  const sequencesFirst = (part: Value) => transpose(part, [2, 0, 1, 3]);
  const shared = scaledProduct(headsFirst(query), unsqueeze(caches.sharedKey, 1), scale);
  const parts = [
    sequencesFirst(shared),
    scaledProduct(query, caches.pastKey, scale),
    timesNumber(reduceSum(mul(query, unsqueeze(key, 2)), [3], true), scale),
  ];
  const { index } = rotated;
  const mask = index ? chosen(index, caches, spec as LatentAttention) : caches.mask;
  const scores = add(concat(parts, 3), mask);
  const logits = sinks && weightFor(x, sinks);
  const kept = logits && squeeze(shareBesideSinks(unsqueeze(scores, 3), logits), 3);
  const shares = kept ? mul(softmax(scores), kept) : softmax(scores);
  const [ofShared, ofPast, ofOwn] = split(shares, 3, parts);
  const sums = [
    sequencesFirst(matmul(headsFirst(ofShared!), unsqueeze(caches.sharedValue, 1))),
    matmul(ofPast!, caches.pastValue),
    mul(ofOwn!, unsqueeze(value, 2)),
  ];
  const attended = sums.reduce((sum, part) => add(sum, part));
  const packed = reshape(attended, [-1, heads * valueDim], [x.shape[0]!, heads * valueDim]);
  return { output: projectHeads(packed, rotated.gate, spec.o), own: { key, value } };
}

/** What is left of the mask when an indexer has chosen among the places, [B, 1, 1, P + C + 1]. */
function chosen(
  { query, weights, key }: IndexHeads,
  { sharedKey, pastKey, mask }: Caches,
  spec: LatentAttention,
): Value {
  const indexer = indexerOf(spec)!;
  const queries = viewAs(query, [indexer.heads, indexer.dim]);
  const scores = () => {
    const [shared, past] = [sharedKey, pastKey].map((keys) => indexKeysOf(keys, spec, indexer));
    const products = [
      matmul(queries, transpose(shared!, [1, 0])),
      matmul(queries, transpose(past!, [0, 2, 1])),
      reduceSum(mul(queries, unsqueeze(key, 1)), [2], true),
    ];
    return unsqueeze(unsqueeze(indexScores(concat(products, 2), unsqueeze(weights, 2), 1), 1), 1);
  };
  return bestOf(mask, indexer.topK, scores);
}
