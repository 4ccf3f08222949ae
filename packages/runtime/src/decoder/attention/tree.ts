import type { Attention, LatentAttention, Rope, Value } from '@moepress/core';
import {
  add,
  and,
  cast,
  concat,
  gather,
  greater,
  matmul,
  mul,
  padEnd,
  reshape,
  rotary,
  scaledProduct,
  sizeOf,
  slice,
  sliceDynamic,
  softmax,
  squeeze,
  transpose,
  unsqueeze,
  where,
} from '@moepress/graph';
import { type Reach, reachOf } from '../../tokens/reach.js';
import type { TreeInputs } from '../inputs.js';
import type { NormOptions } from '../norm.js';
import { weightFor } from '../weights.js';
import { shareBesideSinks } from './differentiable.js';
import { headsOf, sinksOf } from './heads.js';
import { bestOf, indexerOf, indexKeysOf, indexScores, keyDimOf, withIndexKey } from './indexer.js';
import { bothOf, isNear, outOfReach } from './masks.js';
import {
  type Asking,
  type AttentionValues,
  gatedHeads,
  type IndexHeads,
  project,
  type Rotate,
  viewAs,
} from './projections.js';
import { valueDimOf } from './value-dim.js';

/** Keys [kvHeads, n, D] and values [kvHeads, n, V] of n tokens, rotated and normalised. */
export interface HeadRows {
  readonly key: Value;
  readonly value: Value;
}

/**
 * x [T, H] to [T, H], or to [R, H] where only some rows are to come out, for tokens that lie as a tree (`Layout`) behind those of `prefix`, which all of them see. Some
 * queries at a time are multiplied with the keys that any of them sees: no product is spent on padding, on
 * sequences that are strangers to each other, nor twice on what several sequences share.
 */
export function treeAttention(
  x: Value,
  spec: Attention,
  {
    tokens,
    prefix,
    norms,
  }: { readonly tokens: TreeInputs; readonly prefix: HeadRows | null; readonly norms: NormOptions },
): AttentionValues<HeadRows> {
  const { heads, kvHeads, headDim, scale, rope } = spec;
  const keyDim = keyDimOf(spec);
  const { graph } = x;
  const [group, valueDim] = [heads / kvHeads, valueDimOf(spec)];
  const [reach, sinks] = [reachOf(spec), sinksOf(spec)];
  const rotate: Rotate = (part, _, pairing = rope.pairing) => rotary(part, tokens, pairing);
  const asking = tokens.rows ? askingRows(x, tokens, tokens.rows, rope.pairing) : { x, rotate };
  const { query, key, value, gate, index } = headsOf(x, spec, { rotate, norms, asking });
  const asked = padEnd(viewAs(query, [kvHeads, group, headDim]), 3, keyDim);
  const queries = transpose(asked, [1, 2, 0, 3]);
  const own = {
    key: transpose(viewAs(withIndexKey(key, index, spec), [kvHeads, keyDim]), [1, 0, 2]),
    value: transpose(viewAs(value, [kvHeads, valueDim]), [1, 0, 2]),
  };
  // The heads of a group share keys and values.
  const ofGroup = (part: Value, before: Value | undefined) =>
    unsqueeze(before ? concat([before, part], 1) : part, 1);
  const [keys, values] = [ofGroup(own.key, prefix?.key), ofGroup(own.value, prefix?.value)];
  const logits = sinks && weightFor(x, sinks);
  const width = heads * valueDim;
  const choose = index && choiceAmong(squeeze(keys, 1), index, spec as LatentAttention);

  const attend = (tile: Value): Value => {
    const [tileRows, span] = [gather(tokens.queries, tile), gather(tokens.spans, tile)];
    const rows = tokens.rows ? gather(tokens.rows, tileRows) : tileRows;
    const seen = sliceDynamic(tokens.keys, 0, {
      from: slice(span, 0, 0, 1),
      to: slice(span, 0, 1, 2),
      count: 'K',
    });
    // [kvHeads, group, Q, D] with [kvHeads, 1, K, D]
    const products = scaledProduct(gather(queries, tileRows, 2), gather(keys, seen, 2), scale);
    const visible = maskOf(tokens, rows, seen, reach);
    const scores = add(products, choose ? choose(visible, tileRows, seen) : visible);
    const shares = logits ? mul(softmax(scores), shareBesideSinks(scores, logits)) : softmax(scores);
    const attended = matmul(shares, gather(values, seen, 2));
    return reshape(transpose(attended, [2, 0, 1, 3]), [-1, width], ['Q', width]);
  };
  const [tiles] = graph.repeat(squeeze(sizeOf(tokens.spans, 0), 0), (tile) => [attend(tile)], 'N');
  const all = reshape(tiles!, [-1, width], ['N*Q', width]);
  const packed = sliceDynamic(all, 0, {
    from: graph.constant([0], [1], 'int64'),
    to: sizeOf(asking.x, 0),
    count: asking.x.shape[0]!,
  });
  const gated = gatedHeads(packed, gate);
  return { output: project(gated, spec.o), heads: gated, own };
}

function askingRows(x: Value, { cos, sin }: TreeInputs, rows: Value, pairing: Rope['pairing']): Asking {
  const angles = { cos, sin, order: unsqueeze(cast(rows, 'int64'), 0) };
  return { x: gather(x, rows), rows, rotate: (part, _, own = pairing) => rotary(part, angles, own) };
}

/** What is left of a mask [Q, K] of some of the queries and keys when an indexer has chosen among the keys [kvHeads, n, D]. */
function choiceAmong(keys: Value, index: IndexHeads, spec: LatentAttention) {
  const indexer = indexerOf(spec)!;
  const { heads, dim } = indexer;
  const queries = transpose(viewAs(index.query, [heads, dim]), [1, 0, 2]);
  const weights = unsqueeze(transpose(index.weights, [1, 0]), 2);
  const places = indexKeysOf(keys, spec, indexer);
  return (mask: Value, asked: Value, seen: Value): Value =>
    bestOf(mask, indexer.topK, () => {
      const products = scaledProduct(gather(queries, asked, 1), unsqueeze(gather(places, seen), 0), 1);
      return indexScores(products, gather(weights, asked, 1), 0);
    });
}

/** 0 where a query sees a key, a very low number elsewhere: [Q, K]. */
function maskOf(tokens: TreeInputs, rows: Value, seen: Value, reach: Reach): Value {
  const ofQueries = (all: Value) => unsqueeze(gather(all, rows), 1);
  const ofKeys = (all: Value) => unsqueeze(gather(all, seen), 0);
  const row = unsqueeze(rows, 1);
  const descends = and(greater(row, ofKeys(tokens.before)), greater(ofKeys(tokens.ends), row));
  const near =
    reach.window === null ? null : isNear(ofKeys(tokens.keyPositions), ofQueries(tokens.positions), reach);
  const visible = bothOf(descends, near);
  const [nothing, low] = [0, outOfReach].map((number) => rows.graph.constant([number], [], 'float32'));
  return where(visible, nothing!, low!);
}
