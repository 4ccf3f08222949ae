import { describe, elementCount, MoepressError, type TensorExpr } from '@moepress/core';
import { blocksOf } from './blocks.js';
import type { Bytes } from './buffers.js';
import { anyNotFinite, type FloatType, isFloatType, toFloat32 } from './float.js';
import { piecesOf } from './pieces.js';
import { Reading } from './reading.js';

const blockBytes = 1024 * 1024;

/**
 * The values of an expression, row-major, as it would be written: a scaled bf16 tensor is rounded
 * to bf16. For tests and diagnostics; the engine maps the files instead.
 * Throws `TENSOR_DTYPE` unless the type is F32, F16 or BF16.
 */
export async function decodeFloat32(expr: TensorExpr): Promise<Float32Array> {
  const dtype = floatTypeOf(expr);
  const values = new Float32Array(elementCount(expr.shape));
  let at = 0;
  await eachBlock(expr, (block) => {
    const decoded = toFloat32(block, dtype);
    values.set(decoded, at);
    at += decoded.length;
    return true;
  });
  return values;
}

/** Whether a tensor holds NaN or infinity; reads it in blocks. Throws `TENSOR_DTYPE` as above. */
export async function holdsNotFinite(expr: TensorExpr): Promise<boolean> {
  const dtype = floatTypeOf(expr);
  return !(await eachBlock(expr, (block) => !anyNotFinite(block, dtype)));
}

/** Shows the bytes to `see`, all blocks in the same memory, until it says false. Returns whether it never did. */
async function eachBlock(expr: TensorExpr, see: (block: Bytes) => boolean): Promise<boolean> {
  const reading = new Reading(blockBytes);
  try {
    for (const { pieces, bytes } of blocksOf(piecesOf(expr, 0, elementCount(expr.shape)), blockBytes)) {
      const goOn = await reading.buffers.lend(bytes, async (block) => {
        await reading.fill(pieces, block);
        return see(block);
      });
      if (!goOn) return false;
    }
    return true;
  } finally {
    await reading.close();
  }
}

function floatTypeOf(expr: TensorExpr): FloatType {
  if (isFloatType(expr.dtype)) return expr.dtype;
  throw new MoepressError('TENSOR_DTYPE', {
    message: `${expr.dtype} is not one of F32, F16 and BF16.`,
    where: describe(expr),
  });
}
