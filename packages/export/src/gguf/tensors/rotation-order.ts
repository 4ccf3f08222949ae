import { type Linear, type Rope, rows, type TensorExpr } from '@moepress/core';

/** The heads of a projection whose rows are put in another order. */
export interface RotatedHeads {
  readonly count: number;
  /** Rows of each head. */
  readonly size: number;
  /** The first row of a head that is rotated; 0 by default. */
  readonly from?: number;
}

/**
 * Rows of queries or keys in the order in which an engine rotates them together: number i of one half with number i of
 * the other, or neighbours. Scores stay as they are, for queries and keys are put in the same order.
 */
export function inOrder(
  of: TensorExpr,
  { dim, pairing }: Rope,
  heads: RotatedHeads,
  wanted: Rope['pairing'],
): TensorExpr {
  if (pairing === wanted) return of;
  const { count, size, from = 0 } = heads;
  const half = dim / 2;
  const place = (row: number) => {
    const i = row - from;
    if (i < 0 || i >= dim) return row;
    const source =
      wanted === 'neighbours' ? (i % 2) * half + Math.floor(i / 2) : 2 * (i % half) + Math.floor(i / half);
    return from + source;
  };
  const order = Array.from({ length: count * size }, (_, row) => row - (row % size) + place(row % size));
  return rows(of, order);
}

export const linearInOrder = (
  { weight, bias }: Linear,
  rope: Rope,
  heads: RotatedHeads,
  wanted: Rope['pairing'],
): Linear => ({
  weight: inOrder(weight, rope, heads, wanted),
  bias: bias && inOrder(bias, rope, heads, wanted),
});
