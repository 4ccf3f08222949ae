import type { Attention, Indexer, Rope, Value } from '@moepress/core';
import {
  add,
  concat,
  type DynamicRange,
  div,
  matmul,
  mul,
  plusNumber,
  reduceLogSumExp,
  reshape,
  sigmoid,
  sizeOf,
  slice,
  sliceDynamic,
  softmax,
  sub,
  timesNumber,
  transpose,
  unsqueeze,
} from '@moepress/graph';
import { reachOf } from '../../tokens/reach.js';
import type { NormOptions } from '../norm.js';
import { weightFor } from '../weights.js';
import { headsOf, sinksOf } from './heads.js';
import { bestOf, indexerOf, indexScores } from './indexer.js';
import { sequenceMask } from './masks.js';
import { oneSequence, type Packing } from './packing.js';
import { type IndexHeads, projectHeads, type Rotate, viewAs } from './projections.js';
import { valueDimOf } from './value-dim.js';

/** Cosine and sine of the rotary angles of each token, [T, D / 2]. */
export interface Angles {
  readonly cos: Value;
  readonly sin: Value;
}

/** What attention needs to know about the packed tokens. */
export interface Tokens extends Angles {
  /** Default: they are one sequence. */
  readonly packing?: Packing;
}

/**
 * Queries are taken some at a time, against the keys up to the last of them: of all products of queries and keys,
 * half are never looked at, and of n parts n + 1 of 2 n need to be computed. New memory costs more than products.
 */
const parts = 8;

/** x [T, H] to [T, H], in operators that have derivatives and a double precision. */
export function differentiableAttention(
  x: Value,
  spec: Attention,
  tokens: Tokens,
  norms: NormOptions,
): Value {
  const { heads, kvHeads, headDim } = spec;
  const { packing = oneSequence } = tokens;
  const rotate: Rotate = (part, count, pairing = spec.rope.pairing) =>
    applyRope(part, count, tokens, { ...spec.rope, pairing });
  const { query, key, value, gate, index } = headsOf(x, spec, { rotate, norms });
  const group = heads / kvHeads;
  const valueDim = valueDimOf(spec);
  // [B, kvHeads, group, S, D] against [B, kvHeads, 1, D, S]: the heads of a group share keys and values.
  const byHead = (value: Value, sizes: readonly number[], order: readonly number[]) =>
    transpose(packing.pad(viewAs(value, sizes)), order);
  // Scaled here, where there are fewer numbers than products.
  const queries = timesNumber(byHead(query, [kvHeads, group, headDim], [0, 2, 3, 1, 4]), spec.scale);
  const keys = byHead(key, [kvHeads, 1, headDim], [0, 2, 3, 4, 1]);
  const values = byHead(value, [kvHeads, 1, valueDim], [0, 2, 3, 1, 4]);
  const [reach, sinks] = [reachOf(spec), sinksOf(spec)];
  const logits = sinks && weightFor(x, sinks);
  const choose = index && choiceAmong(index, indexerOf(spec)!, packing);
  const length = queries.shape[3]!;
  const ends = endsOf(queries, 3);
  const attended = ends.slice(1).map((end, i) => {
    const upTo = { from: ends[0]!, to: end, count: `${length}.upTo${i}` };
    const part = { from: ends[i]!, to: end, count: `${length}.part${i}` };
    const [q, k, v] = [
      sliceDynamic(queries, 3, part),
      sliceDynamic(keys, 4, upTo),
      sliceDynamic(values, 3, upTo),
    ];
    const products = matmul(q, k);
    const visible = sequenceMask(products, reach);
    const scores = add(products, choose ? choose(visible, part, upTo) : visible);
    const sums = matmul(softmax(scores), v);
    return logits ? mul(sums, shareBesideSinks(scores, logits)) : sums;
  });
  const kept = concat(attended, 3);
  const packed = packing.unpad(transpose(kept, [0, 3, 1, 2, 4]));
  return projectHeads(viewAs(packed, [heads * valueDim]), gate, spec.o);
}

/**
 * What is left of a mask [Q, K] of some queries and keys when an indexer has chosen among the keys, [B, 1, 1, Q, K]. The
 * choice has no derivative.
 */
function choiceAmong({ query, weights, key }: IndexHeads, { heads, dim, topK }: Indexer, { pad }: Packing) {
  const queries = transpose(pad(viewAs(query, [heads, dim])), [0, 2, 1, 3]);
  const shares = unsqueeze(transpose(pad(weights), [0, 2, 1]), 3);
  const keys = unsqueeze(transpose(pad(key), [0, 2, 1]), 1);
  const withHeads = (mask: Value) => unsqueeze(unsqueeze(mask, 1), 1);
  return (mask: Value, part: DynamicRange, upTo: DynamicRange): Value =>
    withHeads(
      bestOf(unsqueeze(mask, 0), topK, () => {
        const products = matmul(sliceDynamic(queries, 2, part), sliceDynamic(keys, 3, upTo));
        return indexScores(products, sliceDynamic(shares, 2, part), 1);
      }),
    );
}

/** Where the parts of an axis end, int64 [1] each, 0 first; the first has an element, however short the axis. */
function endsOf(x: Value, axis: number): Value[] {
  const constant = (number: number) => x.graph.constant([number], [1], 'int64');
  const size = sizeOf(x, axis);
  const end = (part: number) => div(plusNumber(mul(size, constant(part)), parts - 1), constant(parts));
  return [constant(0), ...Array.from({ length: parts - 1 }, (_, i) => end(i + 1)), size];
}

/**
 * What is left of a softmax over `scores` [.., kvHeads, group, Q, K] when a further logit per head takes
 * part in it: Σ eˢ / (Σ eˢ + eᵗ) = sigmoid(log Σ eˢ - t), [.., kvHeads, group, Q, 1].
 */
export function shareBesideSinks(scores: Value, sinks: Value): Value {
  const [kvHeads, group] = scores.shape.slice(-4) as number[];
  return sigmoid(
    sub(reduceLogSumExp(scores, [scores.shape.length - 1], true), reshape(sinks, [kvHeads!, group!, 1, 1])),
  );
}

/** Rotates each pair of x [T, heads * D], whose two numbers stand half a head apart or side by side. */
function applyRope(x: Value, heads: number, angles: Angles, { dim, pairing }: Rope): Value {
  const [sizes, axis] = pairing === 'halves' ? [[heads, 2, dim / 2], 2] : [[heads, dim / 2, 2], 3];
  const pairs = viewAs(x, sizes);
  const [first, second] = [slice(pairs, axis, 0, 1), slice(pairs, axis, 1, 2)];
  const [cos, sin] = [angles.cos, angles.sin].map((part) => unsqueeze(unsqueeze(part, 1), axis));
  const after = [sub(mul(first, cos!), mul(second, sin!)), add(mul(second, cos!), mul(first, sin!))];
  return viewAs(concat(after, axis), [heads * dim]);
}
