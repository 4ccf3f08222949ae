import type { ConcatExpr, SelectExpr } from '@moepress/core';
import type { Bytes } from './buffers.js';
import { type Piece, piecesOf, sizeOf, widthOf } from './pieces.js';
import type { Reading } from './reading.js';
import { unitsOf } from './units.js';

/** Rows [from, to) of chosen columns into `target`. The operand may be far wider, so it is read in blocks too. */
export async function columns(
  expr: SelectExpr,
  from: number,
  to: number,
  target: Bytes,
  reading: Reading,
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
      pick(source, wide, indices, cell, rows);
    }
  });
}

/** From each row of `wide` bytes the cells of these numbers. */
function pick(source: Bytes, wide: number, indices: readonly number[], cell: number, target: Bytes): void {
  // Nearly all elements have two bytes: moved at once.
  const size = cell % 2 === 0 && target.byteOffset % 2 === 0 ? 2 : 1;
  const [from, to] = [unitsOf(source, size), unitsOf(target, size)];
  const stride = wide / size;
  const length = cell / size;
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

/** Rows [from, to) of operands laid side by side into `target`: all operands' rows are read, then interleaved. */
export async function sideBySide(
  expr: ConcatExpr,
  from: number,
  to: number,
  target: Bytes,
  reading: Reading,
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
