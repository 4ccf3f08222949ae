import {
  dtypeBits,
  elementCount,
  type LearnedTensor,
  type SelectExpr,
  type TensorExpr,
} from '@moepress/core';
import { outsideIn } from './transposed-sums.js';

/** What is left when rows are taken apart: it lies in a file, is nothing but zeros, or has to be computed. */
export type Leaf = Exclude<TensorExpr, LearnedTensor>;

/** Elements [begin, end) of a leaf, row-major. */
export interface Piece {
  readonly of: Leaf;
  readonly begin: number;
  readonly end: number;
}

/**
 * Elements [begin, end) of an expression as pieces of leaves, in order: selected rows and stacked operands are
 * taken apart as deep as they are nested, rows that follow each other make one piece. Reads nothing.
 */
export function* piecesOf(expr: TensorExpr, begin: number, end: number): Generator<Piece, void, undefined> {
  if (begin >= end) return;
  if (expr.kind === 'sum') {
    const turned = outsideIn(expr);
    if (turned !== expr) return yield* piecesOf(turned, begin, end);
  }
  if (expr.kind === 'learned') yield* piecesOf(expr.stored, begin, end);
  else if (expr.kind === 'rows') yield* rowPieces(expr, begin, end);
  else if (expr.kind === 'concat' && expr.axis === 0) yield* stackedPieces(expr.of, begin, end);
  else yield { of: expr, begin, end };
}

function* rowPieces({ of, indices }: SelectExpr, begin: number, end: number): Generator<Piece> {
  const width = elementCount(of.shape.slice(1));
  let at = begin;
  while (at < end) {
    const first = Math.floor(at / width);
    let last = first;
    while ((last + 1) * width < end && indices[last + 1] === indices[last]! + 1) last++;
    const stop = Math.min(end, (last + 1) * width);
    const shift = (indices[first]! - first) * width;
    yield* piecesOf(of, at + shift, stop + shift);
    at = stop;
  }
}

function* stackedPieces(operands: readonly TensorExpr[], begin: number, end: number): Generator<Piece> {
  let start = 0;
  for (const of of operands) {
    if (start >= end) return;
    const size = elementCount(of.shape);
    yield* piecesOf(of, Math.max(0, begin - start), Math.min(size, end - start));
    start += size;
  }
}

/** Bytes an element takes. */
export function sizeOf({ dtype }: TensorExpr): number {
  return dtypeBits[dtype] / 8;
}

/** Elements in a row: in all axes but the first. */
export function widthOf({ shape }: TensorExpr): number {
  return elementCount(shape.slice(1));
}

export function bytesIn({ of, begin, end }: Piece): number {
  return (end - begin) * sizeOf(of);
}
