import { describe, MoepressError, type SumExpr } from '@moepress/core';
import type { Bytes } from './buffers.js';
import { addScaled, encodeFloats, isFloatType } from './float.js';
import { sizeOf } from './pieces.js';
import type { Reading } from './reading.js';

/**
 * Elements [begin, end) of a weighted sum into `target`, computed in fp32 and rounded once, to nearest, ties to even.
 * Throws `TENSOR_DTYPE` for integers.
 */
export async function summed(
  expr: SumExpr,
  begin: number,
  end: number,
  target: Bytes,
  reading: Reading,
): Promise<void> {
  const { of, factors, dtype } = expr;
  if (!isFloatType(dtype)) {
    throw new MoepressError('TENSOR_DTYPE', {
      message: `A ${dtype} tensor cannot be scaled.`,
      where: describe(of[0]!),
    });
  }
  const count = end - begin;
  await reading.buffers.lend(4 * count, async (sums) => {
    const sum = new Float32Array(sums.buffer, 0, count).fill(0);
    await reading.buffers.lend(count * sizeOf(expr), async (values) => {
      for (const [k, term] of of.entries()) {
        await reading.read(term, begin, end, values);
        addScaled(sum, values, dtype, Math.fround(factors[k]!));
      }
    });
    encodeFloats(sum, dtype, target);
  });
}
