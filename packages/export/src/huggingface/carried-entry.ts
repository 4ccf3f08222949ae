import { bytesOf, type TensorEntry } from '@moepress/checkpoint';
import type { StoredTensor } from '@moepress/core';

/** A tensor byte for byte, whatever its type: elements need not be whole bytes. */
export function storedEntry(tensor: StoredTensor, name = tensor.name): TensorEntry {
  const bytes: StoredTensor = { ...tensor, dtype: 'U8', shape: [tensor.length] };
  return { name, dtype: tensor.dtype, shape: tensor.shape, bytes: () => bytesOf(bytes), of: [bytes] };
}
