import type { Attention, Indexer, LatentAttention, Value } from '@moepress/core';
import {
  add,
  cast,
  concat,
  equal,
  greater,
  layerNorm,
  mul,
  padEnd,
  reduceSum,
  relu,
  reshape,
  scatterAdd,
  sizeOf,
  slice,
  squeeze,
  timesNumber,
  topK,
  transpose,
  where,
  zerosLike,
} from '@moepress/graph';
import { weightFor } from '../weights.js';
import { type Asking, type IndexHeads, project, type Rotate, viewAs } from './projections.js';

/** Far below any score, and finite. */
const outOfReach = -1e30;

/** The indexer of an attention that has its own. */
export const indexerOf = (spec: Attention): Indexer | null =>
  spec.kind === 'mla' && spec.indexer?.kind === 'own' ? spec.indexer : null;

/**
 * What an indexer makes of tokens x [T, H], whose first `rotated` dimensions of a head are rotated. `latent` is that of the
 * queries of the tokens that ask.
 */
export function indexHeads(
  x: Value,
  { latent, asking, rotate }: { readonly latent: Value; readonly asking: Asking; readonly rotate: Rotate },
  indexer: Indexer,
  rotated: number,
): IndexHeads {
  const { heads, dim, keyNorm, pairing } = indexer;
  const weightOf = (part: 'weight' | 'bias') => weightFor(x, keyNorm[part]);
  const key = layerNorm(project(x, indexer.key), weightOf('weight'), {
    bias: weightOf('bias'),
    epsilon: keyNorm.epsilon,
  });
  const turned = (part: Value, count: number, turn: Rotate) => {
    const byHead = viewAs(part, [count, dim]);
    const first = turn(viewAs(slice(byHead, 2, 0, rotated), [count * rotated]), count, pairing);
    const all = [viewAs(first, [count, rotated]), ...(rotated < dim ? [slice(byHead, 2, rotated, dim)] : [])];
    return viewAs(concat(all, 2), [count * dim]);
  };
  return {
    query: timesNumber(turned(project(latent, indexer.query), heads, asking.rotate), dim ** -0.5),
    weights: timesNumber(project(asking.x, indexer.weights), heads ** -0.5),
    key: turned(key, 1, rotate),
  };
}

/** Numbers behind each head's key among which caches have the key of the indexer. */
const besideKey = ({ kvHeads }: Attention, { dim }: Indexer): number => Math.ceil(dim / kvHeads);

/** Dimensions of a head's keys in caches, where the key of an indexer is spread behind those of all heads. */
export function keyDimOf(spec: Attention): number {
  const indexer = indexerOf(spec);
  return indexer ? spec.headDim + besideKey(spec, indexer) : spec.headDim;
}

/** Keys [T, kvHeads * D] with the keys of the indexer, if there are any, spread behind those of all heads. */
export function withIndexKey(key: Value, index: IndexHeads | null, spec: Attention): Value {
  const indexer = indexerOf(spec);
  if (!indexer || !index) return key;
  const { kvHeads, headDim } = spec;
  const more = besideKey(spec, indexer);
  const spread = viewAs(padEnd(index.key, 1, kvHeads * more), [kvHeads, more]);
  return viewAs(concat([viewAs(key, [kvHeads, headDim]), spread], 2), [kvHeads * (headDim + more)]);
}

/** The keys of the indexer among those of caches, [.., kvHeads, n, D] to [.., n, dim]. */
export function indexKeysOf(keys: Value, { kvHeads, headDim }: LatentAttention, { dim }: Indexer): Value {
  const rank = keys.shape.length;
  const front = keys.shape.slice(0, -3);
  const more = Number(keys.shape.at(-1)) - headDim;
  const spread = slice(keys, rank - 1, headDim, headDim + more);
  const byToken = transpose(spread, [...front.keys(), rank - 2, rank - 3, rank - 1]);
  const sizes = [...front.map(() => 0), 0, kvHeads * more];
  const together = reshape(byToken, sizes, [...front, keys.shape.at(-2)!, kvHeads * more]);
  return slice(together, rank - 2, 0, dim);
}

/** Σ w relu(q · k) over the heads, which are axis `axis`; `weights` are those of the heads, with a size of 1 for the keys. */
export const indexScores = (products: Value, weights: Value, axis: number): Value =>
  reduceSum(mul(relu(products), weights), [axis]);

/**
 * A mask, of whose places that are seen the `most` with the highest scores remain. Where there are no more places, all do,
 * and scores are not computed. `scores` have the shape of the mask.
 */
export function bestOf(mask: Value, most: number, scores: () => Value): Value {
  const { graph } = mask;
  const places = squeeze(sizeOf(mask, -1), 0);
  const isLonger = greater(places, graph.constant([most], [], 'int64'));
  const kept = () => {
    const values = add(scores(), mask);
    const { indices } = topK(values, most);
    const marks = scatterAdd(zerosLike(values), indices, cast(equal(indices, indices), mask.dtype), -1);
    const [nothing, low] = [0, outOfReach].map((number) => graph.constant([number], [], mask.dtype));
    return where(greater(marks, nothing!), mask, low!);
  };
  return graph.branch(
    isLonger,
    () => [kept()],
    () => [mask],
  )[0]!;
}
