import type { BlockScaledExpr, StoredTensor } from '@moepress/core';
import { arrayEntry, exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { bytesOf } from '../tensor/read-tensor.js';

export { exprEntry };

/** A tensor byte for byte, in its own shape, which may have no axes. */
export function copiedEntry(name: string, tensor: StoredTensor): TensorEntry {
  const bytes: StoredTensor = { ...tensor, dtype: 'U8', shape: [tensor.length] };
  return { name, dtype: tensor.dtype, shape: tensor.shape, bytes: () => bytesOf(bytes), of: [bytes] };
}

/** Zero points that are stored like codes. */
export const zeroEntry = (name: string, { zeros }: BlockScaledExpr): TensorEntry[] =>
  zeros ? [exprEntry(name, zeros.of)] : [];

/** What goes with the weight unchanged. */
export const extraEntry = (stem: string, { extras }: BlockScaledExpr): TensorEntry[] =>
  Object.entries(extras)
    .filter(([suffix]) => suffix !== shapeSuffix && !suffix.endsWith('g_idx'))
    .map(([suffix, tensor]) => copiedEntry(stem + suffix, tensor));

export const shapeSuffix = '.weight_shape';

/** The shape of the weight as numbers of the type that the source has. */
export function shapeEntry(stem: string, { shape, extras }: BlockScaledExpr): TensorEntry {
  const dtype = extras[shapeSuffix]?.dtype ?? 'I64';
  const numbers = dtype === 'I32' ? Int32Array.from(shape) : BigInt64Array.from(shape, BigInt);
  return arrayEntry(stem + shapeSuffix, dtype, [shape.length], numbers);
}
