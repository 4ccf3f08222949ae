import {
  dtypeBits,
  elementCount,
  type LearnedTensor,
  type SelectExpr,
  type TensorExpr,
} from '@moepress/core/tensor';
import type { Buffers, Bytes } from './buffers.js';
import { outsideIn } from './transposed-sums.js';

/** What is left when rows are taken apart: it lies in a file, is nothing but zeros, or has to be computed. */
export type Leaf = Exclude<TensorExpr, LearnedTensor>;

/** Elements [begin, end) of a leaf, row-major. */
export interface Piece<L extends Leaf = Leaf> {
  readonly of: L;
  readonly begin: number;
  readonly end: number;
}

/** Rows [from, to) of a matrix, and where their bytes go. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
  readonly target: Bytes;
}

/** What an expression that is computed reads its operands with. `Reading` implements it. */
export interface OperandReader {
  readonly buffers: Buffers;
  /** Bytes that operands are read in at a time, about. */
  readonly blockBytes: number;
  /** Elements [begin, end) of `expr` into `target`, which is as long. */
  read(expr: TensorExpr, begin: number, end: number, target: Bytes): Promise<void>;
  /** Pieces one after the other into `target`, which is as long as they are. */
  fill(pieces: Iterable<Piece>, target: Bytes): Promise<void>;
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

/** Pieces that are read into one buffer and handed on together. */
export interface Block {
  readonly pieces: readonly Piece[];
  readonly bytes: number;
}

/**
 * Pieces in blocks of at most `most` bytes, the first one of at most `first` (but of one element at least): small ones
 * share a block, large ones are cut. What is computed is cut between rows, if a row fits at all, because half a row costs as much as a whole one.
 */
export function* blocksOf(
  pieces: Iterable<Piece>,
  most: number,
  first = most,
): Generator<Block, void, undefined> {
  let block: Piece[] = [];
  let [bytes, room] = [0, first];
  for (const piece of pieces) {
    let rest = piece;
    while (rest.begin < rest.end) {
      const end = cut(rest, room - bytes, bytes === 0);
      if (end > rest.begin) {
        const part = { ...rest, end };
        block.push(part);
        bytes += bytesIn(part);
        rest = { ...rest, begin: end };
      }
      if (rest.begin < rest.end) {
        yield { pieces: block, bytes };
        [block, bytes, room] = [[], 0, most];
      }
    }
  }
  if (bytes > 0) yield { pieces: block, bytes };
}

/** Where to end what goes into `room` bytes; `begin` if it is to wait for the next block, which an empty one may not. */
function cut({ of, begin, end }: Piece, room: number, isEmpty: boolean): number {
  const fits = Math.floor(room / sizeOf(of));
  if (fits >= end - begin) return end;
  if (of.kind !== 'stored' && of.kind !== 'zeros' && of.kind !== 'constant') {
    const width = widthOf(of);
    const row = Math.floor((begin + fits) / width) * width;
    if (row > begin) return row;
    if (!isEmpty) return begin;
  }
  return begin + (isEmpty ? Math.max(1, fits) : fits);
}
