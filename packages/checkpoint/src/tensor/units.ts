import type { Bytes } from './buffers.js';

/** Bytes as what is moved at once: one or two of them, where the `byteOffset` is even. */
export function unitsOf(bytes: Bytes, unit: 1 | 2): Uint8Array | Uint16Array {
  const { buffer, byteOffset, length } = bytes;
  return unit === 1 ? bytes : new Uint16Array(buffer, byteOffset, length / 2);
}
