import type { Linear, TensorExpr } from '@moepress/core';
import type { Input } from './arena.js';
import type { Region } from './board.js';
import type { Group, Held } from './weight-store.js';
import { leastWideRows } from './wide-products.js';

/** A matrix and a bias that is added to what it makes. */
export interface HeldLinear {
  readonly held: Held;
  readonly bias: Float32Array | null;
}

/** What a thread holds of a model's tensors: its rows of matrices, and all of small ones. */
export interface Holder {
  /** Keeps matrices in memory. */
  keep(group: Group): void;
  /** A matrix that is in memory from the start. */
  matrix(expr: TensorExpr): Held;
  /** The numbers of a small tensor, each with `more` added to it; they are there once all is read. */
  vector(expr: TensorExpr, more?: number): Float32Array;
}

export const holdLinear = (holder: Holder, { weight, bias }: Linear): HeldLinear => ({
  held: holder.matrix(weight),
  bias: bias && holder.vector(bias),
});

let inputs = 0;

/** Vectors as they are now: what is written to them later is another input. */
export const inputOf = (rows: readonly Float32Array[]): Input => ({
  rows,
  width: rows[0]?.length ?? 0,
  id: inputs++,
});

/** The first `width` numbers of each of the first `count` rows of a region. */
export const inputIn = ({ data, stride }: Region, count: number, width: number): Input =>
  inputOf(Array.from({ length: count }, (_, row) => data.subarray(row * stride, row * stride + width)));

/**
 * The products of this thread's rows of a matrix with some rows of the input, in memory that the next call with the same `slot` writes
 * over; see `Arena.multiply`.
 */
export async function multiply(
  held: Held,
  input: Input,
  rows: readonly number[],
  slot?: 0 | 1,
): Promise<Float32Array[]> {
  const { wide } = held;
  return wide && rows.length >= leastWideRows && rows.length === input.rows.length
    ? wide(input)
    : held.arena!.multiply(held.placed!, input, rows, slot);
}

/** The same with the bias, into a region, from a place of each row on. */
export async function project(
  { held, bias }: HeldLinear,
  input: Input,
  rows: readonly number[],
  { data, stride, at = 0 }: Region & { readonly at?: number },
): Promise<void> {
  for (const [i, y] of (await multiply(held, input, rows)).entries()) {
    if (bias) for (let k = 0; k < y.length; k++) y[k]! += bias[held.from + k]!;
    data.set(y, rows[i]! * stride + at + held.from);
  }
}
