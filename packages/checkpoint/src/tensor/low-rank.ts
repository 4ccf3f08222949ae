import { describe, type LowRankExpr, MoepressError, type TensorExpr } from '@moepress/core';
import type { Bytes } from './buffers.js';
import { encodeFloats, type FloatType, isFloatType, toFloat32 } from './float.js';
import { sizeOf, widthOf } from './pieces.js';
import type { Reading } from './reading.js';

/**
 * Rows [from, to) of a matrix with an adapter into `target`; the products are added up in double precision and the
 * sum is rounded once. Throws `TENSOR_DTYPE` for integers.
 */
export async function adapted(
  expr: LowRankExpr,
  from: number,
  to: number,
  target: Bytes,
  reading: Reading,
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
      const factor = tall[row * rank + k]!;
      for (let column = 0; column < columns; column++) sum[column]! += factor * flat[k * columns + column]!;
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
  reading: Reading,
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
