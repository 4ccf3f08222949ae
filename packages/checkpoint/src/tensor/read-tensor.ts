import { MoepressError } from '@moepress/core/errors';
import { describe, elementCount, type StoredTensor, type TensorExpr } from '@moepress/core/tensor';
import type { Bytes } from './buffers.js';
import { type FloatType, hasNonFiniteBytes, isFloatType, toFloat32 } from './float.js';
import { blocksOf, piecesOf } from './pieces.js';
import { Reading } from './reading.js';

/** Bytes handed on at a time; large enough to keep a disk busy. */
const defaultBlockBytes = 4 * 1024 * 1024;

/**
 * The bytes of `expr` in its own dtype, row-major, in blocks of at most `blockBytes` (default 4 MB), each of which
 * is the caller's to keep. A weighted sum is computed in fp32 and rounded once, to nearest, ties to even. Columns and
 * side-by-side concatenation hold one source row more. Throws `CHECKPOINT_NOT_FOUND` or
 * `CHECKPOINT_INVALID` if a file went away or shrank, `TENSOR_DTYPE` for a sum of integer tensors.
 */
export async function* bytesOf(
  expr: TensorExpr,
  blockBytes: number = defaultBlockBytes,
): AsyncGenerator<Bytes, void, undefined> {
  const reading = new Reading(blockBytes);
  try {
    for (const { pieces, bytes } of blocksOf(piecesOf(expr, 0, elementCount(expr.shape)), blockBytes)) {
      const block = new Uint8Array(bytes);
      await reading.fill(pieces, block);
      yield block;
    }
  } finally {
    await reading.close();
  }
}

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
export async function hasNonFinite(expr: TensorExpr): Promise<boolean> {
  const dtype = floatTypeOf(expr);
  return !(await eachBlock(expr, (block) => !hasNonFiniteBytes(block, dtype)));
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

/** Elements compared at a time; both tensors take 16 MB at most. */
const blockElements = 2 * 1024 * 1024;

/**
 * Whether two tensors of one shape hold the same numbers, each F32, F16 or BF16, as torch.equal sees it: -0 equals
 * 0, but NaN in the same place counts as the same, since either computes the same. Reads both once at most, block
 * by block, and stops at the first difference. Throws what reading throws.
 */
export async function equalValues(
  a: StoredTensor & { readonly dtype: FloatType },
  b: StoredTensor & { readonly dtype: FloatType },
): Promise<boolean> {
  const blocks = bytesOf(b, blockElements * bytesPer(b.dtype));
  try {
    for await (const left of bytesOf(a, blockElements * bytesPer(a.dtype))) {
      const right = (await blocks.next()).value!;
      if (a.dtype === b.dtype && Buffer.from(left.buffer, left.byteOffset, left.length).equals(right))
        continue;
      if (!sameNumbers(toFloat32(left, a.dtype), toFloat32(right, b.dtype))) return false;
    }
  } finally {
    await blocks.return(undefined);
  }
  return true;
}

const bytesPer = (dtype: FloatType) => (dtype === 'F32' ? 4 : 2);

function sameNumbers(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !(Number.isNaN(a[i]!) && Number.isNaN(b[i]!))) return false;
  }
  return true;
}
