import type { Linear, Rope, Value } from '@moepress/core';
import { mul, reshape } from '@moepress/graph';
import type { NormOptions } from '../norm.js';
import { product } from '../weights.js';

/** What goes into the products: rotated queries [T, heads * D] and keys [T, kvHeads * D], values [T, kvHeads * V]. */
export interface Heads {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** What the outputs of the heads [T, heads * V] are multiplied by, of the tokens whose queries are computed; null: nothing. */
  readonly gate: Value | null;
  /** What an indexer, where there is one, makes of the tokens. */
  readonly index: IndexHeads | null;
}

/** What attention yields. */
export interface AttentionValues<Own> {
  /** [T, H] */
  readonly output: Value;
  /** What the output projection is multiplied with, [T, heads * V]. */
  readonly heads: Value;
  /** Keys and values of the batch's own tokens. */
  readonly own: Own;
}

/** What chooses the keys that a query meets. */
export interface IndexHeads {
  /** Rotated and scaled, of the tokens whose queries are computed, [T, heads * dim]. */
  readonly query: Value;
  /** Weights of the heads for these tokens, [T, heads]. */
  readonly weights: Value;
  /** [T, dim] */
  readonly key: Value;
}

/** Rotates x [T, heads * rope.dim] by the angles of its tokens; `pairing` is that of the attention by default. */
export type Rotate = (x: Value, heads: number, pairing?: Rope['pairing']) => Value;

/** How the tokens' heads are rotated and normalised. */
export interface HeadOptions {
  readonly rotate: Rotate;
  readonly norms: NormOptions;
  /** The tokens whose queries are computed; all by default. */
  readonly asking?: Asking;
  /** What the queries of all tokens are multiplied by where they are scaled, [T, 1]; by default an input of the graph. */
  readonly queryFactors?: Value;
}

/** The tokens whose queries are computed: their rows of x, and their angles. */
export interface Asking {
  readonly x: Value;
  /** Their numbers, int32 [R]; absent: all. */
  readonly rows?: Value;
  readonly rotate: Rotate;
}

/** y = x Wᵀ + b */
export function project(x: Value, { weight, bias }: Linear): Value {
  return product(x, weight, bias);
}

/** [T, n] seen as [T, ...sizes]. */
export function viewAs(x: Value, sizes: readonly number[]): Value {
  return reshape(x, [-1, ...sizes], ['T', ...sizes]);
}

/** The outputs of heads [T, heads * V], gated where they have gates, back to H. */
export function projectHeads(heads: Value, gate: Value | null, o: Linear): Value {
  return project(gatedHeads(heads, gate), o);
}

/** What the output projection is multiplied with. */
export const gatedHeads = (heads: Value, gate: Value | null): Value => (gate ? mul(heads, gate) : heads);
