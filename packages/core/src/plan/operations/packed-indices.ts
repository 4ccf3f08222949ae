import { invalid } from './operation.js';

/** Indices below 65536 as a plan stores them: little-endian numbers of 16 bits, in base64. Throws `RangeError` for others. */
export function encodeIndices(indices: readonly number[]): string {
  const bytes = Buffer.alloc(indices.length * 2);
  for (const [place, value] of indices.entries()) bytes.writeUInt16LE(value, place * 2);
  return bytes.toString('base64');
}

/** Throws `PLAN_INVALID` if the bytes are no whole numbers. */
export function decodeIndices(packed: string, where: string): number[] {
  const bytes = Buffer.from(packed, 'base64');
  if (bytes.length % 2 !== 0) throw invalid(`${bytes.length} bytes are no list of indices`, where);
  return Array.from({ length: bytes.length / 2 }, (_, place) => bytes.readUInt16LE(place * 2));
}
