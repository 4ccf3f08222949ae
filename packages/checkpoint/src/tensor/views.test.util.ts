/** Random expressions over real files, and what they mean by the definition. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BlockScaledExpr,
  byteLength,
  cols,
  concat,
  type DType,
  dtypeBits,
  fp8,
  learned,
  mxfp4,
  rows,
  type StoredTensor,
  type TensorExpr,
  transpose,
  weightedSum,
  zeros,
} from '@moepress/core';
import fc from 'fast-check';

/** The bytes of each element, by row and column. */
type Grid = readonly (readonly Buffer[])[];

/** Matrices of one file, side by side, with what they mean. */
export interface Sources {
  readonly floats: readonly TensorExpr[];
  readonly integers: readonly TensorExpr[];
  /** Bytes of the file. */
  readonly data: Buffer;
}

/** Finite numbers of every size, so that sums neither overflow nor meet NaN. */
const tame: Partial<Record<DType, (i: number) => Buffer>> = {
  F32: (i) => floatBytes('F32', Math.sin(i) * 2 ** ((i % 40) - 20)),
  F16: (i) => floatBytes('F16', Math.sin(i) * 2 ** ((i % 20) - 14)),
  BF16: (i) => floatBytes('BF16', Math.sin(i) * 2 ** ((i % 40) - 20)),
  // Codes 0x7f and 0xff are NaN.
  F8_E4M3: (i) => Buffer.of(((i * 37) % 127) | (i % 3 === 0 ? 0x80 : 0)),
};

/** Writes matrices of several types into one file, at odd offsets too. */
export async function writeSources(folder: string): Promise<Sources> {
  const parts: Buffer[] = [Buffer.from('odd')];
  let end = 3;
  const file = join(folder, 'sources');
  const add = (dtype: DType, shape: readonly number[], element = tame[dtype]): StoredTensor => {
    const length = byteLength(dtype, shape);
    const size = dtypeBits[dtype] / 8;
    const bytes = element
      ? Buffer.concat(Array.from({ length: length / size }, (_, i) => element(i + end)))
      : Buffer.from(Uint8Array.from({ length }, (_, i) => ((i + end) * 37 + (i >> 8)) & 0xff));
    parts.push(bytes);
    end += length;
    return { kind: 'stored', name: `t${end}`, file, offset: end - length, length, dtype, shape };
  };
  const floats: TensorExpr[] = (['BF16', 'F32', 'F16'] as const).flatMap((dtype) => {
    const [a, b] = [add(dtype, [7, 6]), add(dtype, [7, 6])];
    return [a, b, learned(`learned.${dtype}`, add(dtype, [5, 9]))];
  });
  const scaleByte = (i: number) => Buffer.of(110 + (i % 30));
  const fourBits = mxfp4(add('U8', [4, 32]), add('U8', [4, 2], scaleByte));
  const eightBits = fp8(add('F8_E4M3', [7, 6]), add('F32', [4, 3]), 2);
  const integers = [add('U8', [7, 5]), add('I64', [3, 4]), add('I16', [6, 3])];
  const data = Buffer.concat(parts);
  await writeFile(file, data);
  return { floats: [...floats, fourBits, eightBits], integers, data };
}

const picks = (size: number) => fc.array(fc.nat(size - 1), { minLength: 1, maxLength: 9 });
const factor = fc.double({ min: -1, max: 1, noNaN: true });

/** Expressions over one of `sources`, up to some steps deep; `sums` only of floats. */
export function views(sources: readonly TensorExpr[], sums: boolean, depth = 4): fc.Arbitrary<TensorExpr> {
  if (depth === 0) return fc.constantFrom(...sources);
  return views(sources, sums, depth - 1).chain((of) => {
    const [height, width] = of.shape as [number, number];
    const forms: fc.Arbitrary<TensorExpr>[] = [
      fc.constant(of),
      picks(height).map((indices) => rows(of, indices)),
      picks(width).map((indices) => cols(of, indices)),
      picks(height).map((indices) => concat([of, rows(of, indices)], 0)),
      picks(width).map((indices) => concat([of, cols(of, indices), of], 1)),
      fc.constant(transpose(of)),
      fc.nat(2).map((n) => concat([of, zeros(of.dtype, [n, width])], 0)),
      fc.nat(2).map((n) => concat([zeros(of.dtype, [height, n]), of], 1)),
    ];
    if (sums) {
      const turned = (indices: number[], size: number) => indices.map((index) => size - 1 - index);
      forms.push(
        fc
          .tuple(picks(height), factor, factor)
          .map(([some, ...by]) => weightedSum([rows(of, some), rows(of, turned(some, height))], by)),
        fc
          .tuple(picks(width), factor, factor)
          .map(([some, ...by]) => weightedSum([cols(of, some), cols(of, turned(some, width))], by)),
        fc.tuple(factor, factor).map((by) => weightedSum([of, of], by)),
        factor.map((by) => weightedSum([of], [by])),
      );
    }
    return fc.oneof(...forms);
  });
}

/** The bytes of an expression, element by element, with nothing of the code that is tested. */
export function meaning(expr: TensorExpr, data: Buffer): Buffer {
  return Buffer.concat(gridOf(expr, data).flat());
}

function gridOf(expr: TensorExpr, data: Buffer): Grid {
  const [height, width] = expr.shape as [number, number];
  switch (expr.kind) {
    case 'stored': {
      const size = dtypeBits[expr.dtype] / 8;
      return grid(height, width, (row, column) => {
        const begin = expr.offset + (row * width + column) * size;
        return data.subarray(begin, begin + size);
      });
    }
    case 'learned':
      return gridOf(expr.stored, data);
    case 'zeros':
      return grid(height, width, () => Buffer.alloc(dtypeBits[expr.dtype] / 8));
    case 'rows': {
      const of = gridOf(expr.of, data);
      return expr.indices.map((row) => of[row]!);
    }
    case 'cols':
      return gridOf(expr.of, data).map((row) => expr.indices.map((column) => row[column]!));
    case 'transpose': {
      const of = gridOf(expr.of, data);
      return grid(height, width, (row, column) => of[column]![row]!);
    }
    case 'concat': {
      const parts = expr.of.map((part) => gridOf(part, data));
      return expr.axis === 0
        ? parts.flat()
        : grid1(height, (row) => parts.flatMap((part) => part[row] ?? []));
    }
    case 'sum': {
      const parts = expr.of.map((part) => gridOf(part, data));
      return grid(height, width, (row, column) => {
        let sum = 0;
        for (const [k, part] of parts.entries()) {
          const value = numberIn(expr.dtype, part[row]![column]!);
          sum = Math.fround(sum + Math.fround(value * Math.fround(expr.factors[k]!)));
        }
        return floatBytes(expr.dtype, sum);
      });
    }
    case 'block-scaled':
      return grid(height, width, (row, column) => floatBytes('BF16', scaledValue(expr, data, row, column)));
    default:
      throw new Error(`${expr.kind} is not among the random views.`);
  }
}

const grid = (height: number, width: number, cell: (row: number, column: number) => Buffer): Grid =>
  grid1(height, (row) => Array.from({ length: width }, (_, column) => cell(row, column)));

const grid1 = (height: number, row: (row: number) => Buffer[]): Grid =>
  Array.from({ length: height }, (_, i) => row(i));

function scaledValue(expr: BlockScaledExpr, data: Buffer, row: number, column: number): number {
  const values = gridOf(expr.of.kind === 'unpacked' ? expr.of.of : expr.of, data)[row]!;
  const scales = gridOf(expr.scales, data);
  if (expr.format === 'fp8') {
    const [height, width] = expr.block as [number, number];
    const factor = scales[Math.floor(row / height)]![Math.floor(column / width)]!.readFloatLE();
    return Math.fround(numberIn('F8_E4M3', values[column]!) * factor);
  }
  const byte = values[column >> 1]![0]!;
  const code = column % 2 === 0 ? byte & 15 : byte >> 4;
  const magnitude = [0, 0.5, 1, 1.5, 2, 3, 4, 6][code & 7]!;
  return (code & 8 ? -magnitude : magnitude) * 2 ** (scales[row]![column >> 5]![0]! - 127);
}

/** Sign, exponent and fraction of the small floats. */
const fields: Partial<Record<DType, { exponent: number; fraction: number }>> = {
  F16: { exponent: 5, fraction: 10 },
  BF16: { exponent: 8, fraction: 7 },
  F8_E4M3: { exponent: 4, fraction: 3 },
};

function numberIn(dtype: DType, bytes: Buffer): number {
  if (dtype === 'F32') return bytes.readFloatLE();
  const { exponent, fraction } = fields[dtype]!;
  const bits = bytes.readUIntLE(0, bytes.length);
  const bias = 2 ** (exponent - 1) - 1;
  const power = (bits >> fraction) & (2 ** exponent - 1);
  const rest = bits & (2 ** fraction - 1);
  const magnitude =
    power === 0 ? rest * 2 ** (1 - bias - fraction) : (2 ** fraction + rest) * 2 ** (power - bias - fraction);
  return (bits >> (exponent + fraction)) & 1 ? -magnitude : magnitude;
}

/** The finite number of the type that lies next to a value, found by halving; of two the one whose last bit is 0. */
function floatBytes(dtype: DType, value: number): Buffer {
  const bytes = Buffer.alloc(dtypeBits[dtype] / 8);
  if (dtype === 'F32') {
    bytes.writeFloatLE(value);
    return bytes;
  }
  const at = (bits: number) => numberIn(dtype, Buffer.of(bits & 0xff, bits >> 8));
  const { exponent, fraction } = fields[dtype]!;
  let [low, high] = [0, (2 ** exponent - 1) * 2 ** fraction];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(middle) <= Math.abs(value)) low = middle;
    else high = middle;
  }
  const [below, above] = [Math.abs(value) - at(low), at(high) - Math.abs(value)];
  const bits = below < above || (below === above && low % 2 === 0) ? low : high;
  bytes.writeUInt16LE(value < 0 || Object.is(value, -0) ? bits | 0x8000 : bits);
  return bytes;
}
