import { MoepressError } from '@moepress/core/errors';
import {
  type BlockScaledExpr,
  blockSize,
  codeValues,
  describe,
  type TensorExpr,
} from '@moepress/core/tensor';
import type { Bytes } from './buffers.js';
import { encodeFloats, type FloatType, isFloatType, toFloat32 } from './float.js';
import { type OperandReader, type RowRange, sizeOf, widthOf } from './pieces.js';

/** Rows [from, to) of a block-scaled matrix, in its type. */
export async function blockScaledRows(
  expr: BlockScaledExpr,
  range: RowRange,
  reading: OperandReader,
): Promise<void> {
  const { from, to, target } = range;
  const width = widthOf(expr);
  const codes = await readRows(expr.of, from, to, reading);
  const grid = await readGrid(expr, from, to, reading);
  const values = new Float32Array((to - from) * width);
  const table = Float32Array.from(codeValues[expr.code]);
  const block = blockOfColumns(expr, grid.columns, width);
  const places = await rowPlaces(expr, range, reading);
  for (let row = 0; row < to - from; row++) {
    const line = (places[row]! - grid.first) * grid.width;
    const start = row * width;
    for (let column = 0; column < width; column++) {
      const at = line + block[column]!;
      values[start + column] =
        Math.fround(table[codes[start + column]!]! - grid.zeros[at]!) * grid.scales[at]!;
    }
  }
  encodeFloats(values, expr.dtype as FloatType, target);
}

/** Scales and zero points of rows of blocks, in fp32. */
interface BlockGrid {
  /** The first row of blocks. */
  readonly first: number;
  readonly width: number;
  readonly scales: Float32Array;
  readonly zeros: Float32Array;
  /** The block of each column; null: they follow each other. */
  readonly columns: Int32Array | null;
}

async function readGrid(
  expr: BlockScaledExpr,
  from: number,
  to: number,
  reading: OperandReader,
): Promise<BlockGrid> {
  const { scales, zeros, zero, groups, code, global } = expr;
  const all = groups?.axis === 0;
  const first = all ? 0 : Math.floor(from / blockSize(expr, 0));
  const last = all ? scales.shape[0]! : Math.ceil(to / blockSize(expr, 0));
  const numbers = await scaleNumbers(scales, first, last, reading);
  if (global) {
    const { of } = global;
    const [by] =
      typeof of === 'number' ? [of] : toFloat32(await readRows({ ...of, shape: [1] }, 0, 1, reading), 'F32');
    for (let i = 0; i < numbers.length; i++)
      numbers[i] = global.divides ? numbers[i]! / by! : numbers[i]! * by!;
  }
  const points = new Float32Array(numbers.length).fill(zero);
  if (zeros) {
    const values = codeValues[code];
    const codes = await readRows(zeros.of, first, last, reading);
    for (let i = 0; i < codes.length; i++) points[i] = values[(codes[i]! + zeros.plus) % values.length]!;
  }
  const columns = groups?.axis === 1 ? await readGroups(groups.of, scales.shape[1]!, reading) : null;
  return { first, width: scales.shape[1]!, scales: numbers, zeros: points, columns };
}

/** The row of blocks of each row. */
async function rowPlaces(expr: BlockScaledExpr, { from, to }: RowRange, reading: OperandReader) {
  const { groups, scales } = expr;
  if (groups?.axis === 0) return (await readGroups(groups.of, scales.shape[0]!, reading)).subarray(from, to);
  return Int32Array.from({ length: to - from }, (_, i) => Math.floor((from + i) / blockSize(expr, 0)));
}

function blockOfColumns(expr: BlockScaledExpr, named: Int32Array | null, width: number): Int32Array {
  return named ?? Int32Array.from({ length: width }, (_, column) => Math.floor(column / blockSize(expr, 1)));
}

/** Throws `CHECKPOINT_INVALID` for groups that there are no scales of. */
async function readGroups(of: TensorExpr, count: number, reading: OperandReader): Promise<Int32Array> {
  const bytes = await readRows(of, 0, of.shape[0]!, reading);
  const groups = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const wrong = groups.find((group) => group < 0 || group >= count);
  if (wrong === undefined) return groups;
  throw new MoepressError('CHECKPOINT_INVALID', {
    message: `It names the group ${wrong}, and there are scales of ${count} groups.`,
    where: describe(of),
    hint: 'The file is damaged: download it again.',
  });
}

async function scaleNumbers(
  of: TensorExpr,
  first: number,
  last: number,
  reading: OperandReader,
): Promise<Float32Array> {
  const bytes = await readRows(of, first, last, reading);
  if (isFloatType(of.dtype)) return toFloat32(bytes, of.dtype);
  const numbers = of.dtype === 'F8_E4M3' ? codeValues.e4m3 : powersOfTwo;
  return Float32Array.from(bytes, (byte) => numbers[byte]!);
}

/** What bytes mean as scales in E8M0. */
export const powersOfTwo: readonly number[] = Array.from({ length: 256 }, (_, byte) => 2 ** (byte - 127));

async function readRows(of: TensorExpr, from: number, to: number, reading: OperandReader): Promise<Bytes> {
  const bytes = new Uint8Array((to - from) * widthOf(of) * sizeOf(of));
  await reading.read(of, from * widthOf(of), to * widthOf(of), bytes);
  return bytes;
}
