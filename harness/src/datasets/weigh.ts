import { weights } from './limits.js';

/** Bytes that a decoded value takes in memory, about; an equal text at another place counts again, as it is copied. */
export function weigh(value: unknown): number {
  if (typeof value === 'string') return weights.item + value.length * weights.character;
  if (value === null || typeof value !== 'object') return weights.item;
  if (ArrayBuffer.isView(value)) return weights.list + value.byteLength;
  let weight = Array.isArray(value) ? weights.list : weights.row;
  for (const item of Object.values(value)) weight += weigh(item);
  return weight;
}
