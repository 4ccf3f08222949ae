import type { GgmlExpr } from '@moepress/core/tensor';
import { blockScaledRows } from './block-scaled.js';
import type { Bytes } from './buffers.js';
import { packRows, unpackRows } from './codes.js';
import { columns, concatColumns } from './columns.js';
import { encodedRows } from './encode.js';
import { dequantiseBlocks } from './ggml-blocks.js';
import { type OperandReader, type Piece, type RowRange, sizeOf, widthOf } from './pieces.js';
import { lowRankRows, weightedSum } from './sums.js';
import type { Transposes } from './transpose.js';

/** What computed expressions are read with. */
export interface ComputingReader extends OperandReader {
  readonly transposes: Transposes;
}

/** Elements [begin, end) of what has to be computed, into `target`. Throws as `Reading.read`. */
export async function compute(
  { of, begin, end }: Piece,
  target: Bytes,
  reading: ComputingReader,
): Promise<void> {
  const byRows = (compute: (rows: RowRange) => Promise<void>) =>
    computeByRows({ of, begin, end }, target, { reading, compute });
  switch (of.kind) {
    case 'sum':
      return weightedSum({ of, begin, end }, target, reading);
    case 'cols':
      return byRows((rows) => columns(of, rows, reading));
    case 'concat':
      return byRows((rows) => concatColumns(of, rows, reading));
    case 'block-scaled':
      return byRows((rows) => blockScaledRows(of, rows, reading));
    case 'unpacked':
      return byRows((rows) => unpackRows(of, rows, reading));
    case 'packed':
      return byRows((rows) => packRows(of, rows, reading));
    case 'encoded':
      return byRows((rows) => encodedRows(of, rows, reading));
    case 'ggml':
      return byRows((rows) => ggmlRows(of, rows, reading));
    case 'low-rank':
      return byRows((rows) => lowRankRows(of, rows, reading));
    case 'transpose':
      return byRows((rows) => reading.transposes.rows(of, rows));
    case 'parameter':
      throw new TypeError(`Only an engine has the values of ${of.name}.`);
    case 'stored':
    case 'zeros':
    case 'constant':
    case 'rows':
      throw new TypeError(`There is nothing to compute in ${of.kind}.`);
    default:
      return of satisfies never;
  }
}

/** A range of what can only be had by whole rows: those it cuts are computed aside. */
async function computeByRows(
  { of, begin, end }: Piece,
  target: Bytes,
  { reading, compute }: { reading: OperandReader; compute: (rows: RowRange) => Promise<void> },
): Promise<void> {
  const width = widthOf(of);
  const size = sizeOf(of);
  const part = (from: number, to: number) => target.subarray((from - begin) * size, (to - begin) * size);
  const cutRow = (from: number, to: number) =>
    reading.buffers.lend(width * size, async (buffer) => {
      const row = Math.floor(from / width);
      await compute({ from: row, to: row + 1, target: buffer });
      const first = row * width;
      part(from, to).set(buffer.subarray((from - first) * size, (to - first) * size));
    });
  const [first, last] = [Math.ceil(begin / width), Math.floor(end / width)];
  const [whole, rest] = [first * width, Math.max(first, last) * width];
  if (begin < whole) await cutRow(begin, Math.min(whole, end));
  if (first < last) await compute({ from: first, to: last, target: part(whole, rest) });
  if (rest < end) await cutRow(rest, end);
}

/** Rows [from, to) of a matrix in blocks of ggml. */
async function ggmlRows(
  { type, of }: GgmlExpr,
  { from, to, target }: RowRange,
  reading: OperandReader,
): Promise<void> {
  const rowBytes = widthOf(of);
  await reading.buffers.lend((to - from) * rowBytes, async (blocks) => {
    await reading.read(of, from * rowBytes, to * rowBytes, blocks);
    const values = dequantiseBlocks(type, blocks);
    target.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  });
}
