import type { StoredTensor } from '@moepress/core';
import { bytesOf } from './bytes.js';
import { type FloatType, toFloat32 } from './float.js';

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
