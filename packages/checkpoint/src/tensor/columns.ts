import type { ConcatExpr, SelectExpr } from '@moepress/core/tensor';
import { type Bytes, unitsOf } from './buffers.js';
import { type OperandReader, type Piece, piecesOf, type RowRange, sizeOf, widthOf } from './pieces.js';

/** Rows [from, to) of chosen columns into `target`. The operand may be far wider, so it is read in blocks too. */
export async function columns(
  expr: SelectExpr,
  { from, to, target }: RowRange,
  reading: OperandReader,
): Promise<void> {
  const { of, indices } = expr;
  const width = widthOf(of);
  const wide = width * sizeOf(of);
  const narrow = widthOf(expr) * sizeOf(expr);
  const step = Math.max(1, Math.floor(reading.blockBytes / wide));
  const cell = wide / of.shape[1]!;
  await reading.buffers.lend(Math.min(step, to - from) * wide, async (buffer) => {
    for (let start = from; start < to; start += step) {
      const stop = Math.min(to, start + step);
      const source = buffer.subarray(0, (stop - start) * wide);
      await reading.read(of, start * width, stop * width, source);
      const rows = target.subarray((start - from) * narrow, (stop - from) * narrow);
      pick({ source, rowBytes: wide, cellBytes: cell, indices, target: rows });
    }
  });
}

interface Cells {
  /** Whole rows of `rowBytes` bytes, which consist of cells of `cellBytes`. */
  readonly source: Bytes;
  readonly rowBytes: number;
  readonly cellBytes: number;
  /** Numbers of the cells that are wanted of each row. */
  readonly indices: readonly number[];
  readonly target: Bytes;
}

/** Copies the chosen cells of each row. */
function pick({ source, rowBytes, cellBytes, indices, target }: Cells): void {
  // Nearly all elements have two bytes: moved at once.
  const size = cellBytes % 2 === 0 && target.byteOffset % 2 === 0 ? 2 : 1;
  const [from, to] = [unitsOf(source, size), unitsOf(target, size)];
  const stride = rowBytes / size;
  const length = cellBytes / size;
  let at = 0;
  for (let row = 0; row < from.length; row += stride) {
    if (length === 1) {
      for (let i = 0; i < indices.length; i++) to[at++] = from[row + indices[i]!]!;
    } else {
      for (let i = 0; i < indices.length; i++) {
        const begin = row + indices[i]! * length;
        for (let part = 0; part < length; part++) to[at++] = from[begin + part]!;
      }
    }
  }
}

/** Rows [from, to) of a concatenation along columns into `target`: the rows of all operands are read, then interleaved. */
export async function concatColumns(
  expr: ConcatExpr,
  { from, to, target }: RowRange,
  reading: OperandReader,
): Promise<void> {
  const pieces: Piece[] = [];
  for (const of of expr.of) {
    const width = widthOf(of);
    for (const piece of piecesOf(of, from * width, to * width)) pieces.push(piece);
  }
  const rows = to - from;
  const stride = widthOf(expr) * sizeOf(expr);
  await reading.buffers.lend(target.length, async (buffer) => {
    await reading.fill(pieces, buffer);
    let [left, at] = [0, 0];
    for (const of of expr.of) {
      const bytes = widthOf(of) * sizeOf(of);
      for (let row = 0; row < rows; row++) {
        target.set(buffer.subarray(at, at + bytes), row * stride + left);
        at += bytes;
      }
      left += bytes;
    }
  });
}
