import { MoepressError } from '@moepress/core/errors';
import { describe, type LowRankExpr, type SumExpr, type TensorExpr } from '@moepress/core/tensor';
import { sumBfloats } from './bfloat-sums.js';
import type { Bytes } from './buffers.js';
import { addScaled, encodeFloats, type FloatType, isFloatType, toFloat32 } from './float.js';
import { type OperandReader, type Piece, type RowRange, sizeOf, widthOf } from './pieces.js';

/**
 * Elements [begin, end) of a weighted sum into `target`, computed in fp32 and rounded once, to nearest, ties to even.
 * Throws `TENSOR_DTYPE` for integers.
 */
export async function weightedSum(
  { of: expr, begin, end }: Piece<SumExpr>,
  target: Bytes,
  reading: OperandReader,
): Promise<void> {
  const { of, dtype } = expr;
  if (!isFloatType(dtype)) {
    throw new MoepressError('TENSOR_DTYPE', {
      message: `A ${dtype} tensor cannot be scaled.`,
      where: describe(of[0]!),
    });
  }
  const sum = dtype === 'BF16' ? sumOfBfloats : sumInFloats;
  await sum({ of: expr, begin, end }, target, reading);
}

/** What `weightedSum` makes of BF16. All terms of a range are read before they are added up. */
async function sumOfBfloats(
  { of: expr, begin, end }: Piece<SumExpr>,
  target: Bytes,
  reading: OperandReader,
): Promise<void> {
  const factors = Float32Array.from(expr.factors);
  const each = 2 * expr.of.length;
  const step = Math.min(end - begin, stepOf(widthOf(expr), reading.blockBytes / each));
  await reading.buffers.lend(step * each, async (values) => {
    for (let start = begin; start < end; start += step) {
      const stop = Math.min(end, start + step);
      const bytes = 2 * (stop - start);
      for (const [k, term] of expr.of.entries()) {
        await reading.read(term, start, stop, values.subarray(k * bytes, (k + 1) * bytes));
      }
      const at = 2 * (start - begin);
      sumBfloats(values, factors, target.subarray(at, at + bytes));
    }
  });
}

/** Numbers of each term at once, of which about `fit` fit: whole rows where possible, for a part may cost as much as all of it. */
function stepOf(width: number, fit: number): number {
  return Math.ceil(Math.min(Math.max(1, Math.floor(fit / width)) * width, mostStretched * fit));
}

/** How much more than fits a row may take. */
const mostStretched = 4;

/** What `weightedSum` makes of any type: term by term. */
async function sumInFloats(
  { of: { of, factors, dtype }, begin, end }: Piece<SumExpr>,
  target: Bytes,
  reading: OperandReader,
): Promise<void> {
  const type = dtype as FloatType;
  const count = end - begin;
  await reading.buffers.lend(4 * count, async (sums) => {
    const sum = new Float32Array(sums.buffer, 0, count).fill(0);
    await reading.buffers.lend(target.length, async (values) => {
      for (const [k, term] of of.entries()) {
        await reading.read(term, begin, end, values);
        addScaled(sum, values, type, Math.fround(factors[k]!));
      }
    });
    encodeFloats(sum, type, target);
  });
}

/**
 * Rows [from, to) of a matrix with an adapter into `target`; the products are added up in double precision and the
 * sum is rounded once. Throws `TENSOR_DTYPE` for integers.
 */
export async function lowRankRows(
  expr: LowRankExpr,
  { from, to, target }: RowRange,
  reading: OperandReader,
): Promise<void> {
  const { of, left, right, factor } = expr;
  const [columns, rank] = [widthOf(of), left.shape[1]!];
  const base = await floats(of, from * columns, to * columns, reading);
  const tall = await floats(left, from * rank, to * rank, reading);
  const flat = await floats(right, 0, rank * columns, reading);
  const sum = new Float64Array(columns);
  for (let row = 0; row < to - from; row++) {
    sum.fill(0);
    for (let k = 0; k < rank; k++) {
      const weight = tall[row * rank + k]!;
      for (let column = 0; column < columns; column++) sum[column]! += weight * flat[k * columns + column]!;
    }
    const start = row * columns;
    for (let column = 0; column < columns; column++)
      base[start + column]! += Math.fround(sum[column]! * factor);
  }
  encodeFloats(base, floatTypeOf(of), target);
}

/** A copy in fp32 of elements [begin, end). */
async function floats(
  of: TensorExpr,
  begin: number,
  end: number,
  reading: OperandReader,
): Promise<Float32Array<ArrayBuffer>> {
  const dtype = floatTypeOf(of);
  return reading.buffers.lend((end - begin) * sizeOf(of), async (bytes) => {
    await reading.read(of, begin, end, bytes);
    return toFloat32(bytes, dtype).slice();
  });
}

function floatTypeOf(of: TensorExpr): FloatType {
  if (isFloatType(of.dtype)) return of.dtype;
  throw new MoepressError('TENSOR_DTYPE', {
    message: `A ${of.dtype} tensor cannot be computed with.`,
    where: describe(of),
  });
}
