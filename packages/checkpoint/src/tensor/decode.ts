import { describe, elementCount, MoepressError, type TensorExpr } from '@moepress/core';
import { bytesOf } from './bytes.js';
import { anyNotFinite, type FloatType, isFloatType, toFloat32 } from './float.js';

/**
 * The values of an expression, row-major, as it would be written: a scaled bf16 tensor is rounded
 * to bf16. For tests and diagnostics; the engine maps the files instead.
 * Throws `TENSOR_DTYPE` unless the type is F32, F16 or BF16.
 */
export async function decodeFloat32(expr: TensorExpr): Promise<Float32Array> {
  const dtype = floatTypeOf(expr);
  const values = new Float32Array(elementCount(expr.shape));
  let at = 0;
  for await (const block of bytesOf(expr)) {
    const decoded = toFloat32(block, dtype);
    values.set(decoded, at);
    at += decoded.length;
  }
  return values;
}

/** Whether a tensor holds NaN or infinity; reads it in blocks. Throws `TENSOR_DTYPE` as above. */
export async function holdsNotFinite(expr: TensorExpr): Promise<boolean> {
  const dtype = floatTypeOf(expr);
  for await (const block of bytesOf(expr)) if (anyNotFinite(block, dtype)) return true;
  return false;
}

function floatTypeOf(expr: TensorExpr): FloatType {
  if (isFloatType(expr.dtype)) return expr.dtype;
  throw new MoepressError('TENSOR_DTYPE', {
    message: `${expr.dtype} is not one of F32, F16 and BF16.`,
    where: describe(expr),
  });
}
