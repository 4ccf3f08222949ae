import { MoepressError } from '@moepress/core';

/** The largest file in bytes. Evaluation sets are megabytes; the limit keeps a crafted file from filling memory. */
export const maxBytes = 256 * 1024 * 1024;

/** The size in bytes to which any compressed file may expand. */
const least = 32 * 1024 * 1024;

/** Real text is compressed to a tenth, and hardly ever to a hundredth. */
const mostRatio = 100;

/** Throws `DATASET_INVALID` for more than 256 MiB, compressed or not. */
export function checkSize(bytes: number, where: string): void {
  if (bytes > maxBytes) throw tooLarge(where);
}

/** Bytes to which a compressed file of this size may expand. */
export function unpackedLimit(packed: number): number {
  return Math.min(maxBytes, Math.max(least, mostRatio * packed));
}

/** `limit`: bytes. */
export function tooLarge(where: string, limit = maxBytes): MoepressError {
  return new MoepressError('DATASET_INVALID', {
    message: `The file holds more than ${Math.floor(limit / 1024 / 1024)} MiB.`,
    where,
  });
}

/** Approximate bytes that objects, lists and their items take in memory. */
export const weights = { row: 72, list: 48, item: 24, character: 1 };

/** Adds up the memory of the values read from a file. Throws `DATASET_INVALID` as soon as it exceeds 256 MiB. */
export class Scales {
  readonly #where: string;
  readonly #limit: number;
  #weight = 0;

  constructor(where: string, limit = maxBytes) {
    this.#where = where;
    this.#limit = limit;
  }

  add(weight: number): void {
    this.#weight += weight;
    if (this.#weight > this.#limit) throw tooLarge(this.#where, this.#limit);
  }
}

/** Yields the lines of a text one by one: a list of a hundred million empty ones would fill the memory. */
export function* linesOf(text: string): Generator<string> {
  for (let begin = 0; begin <= text.length; ) {
    const found = text.indexOf('\n', begin);
    const end = found === -1 ? text.length : found;
    yield text.slice(begin, end);
    begin = end + 1;
  }
}

/** How often a character occurs. */
export function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) count++;
  return count;
}

/**
 * Approximate bytes that a decoded value takes in memory; equal texts at several places count each time, as they are
 * copied.
 */
export function weigh(value: unknown): number {
  if (typeof value === 'string') return weights.item + value.length * weights.character;
  if (value === null || typeof value !== 'object') return weights.item;
  if (ArrayBuffer.isView(value)) return weights.list + value.byteLength;
  let weight = Array.isArray(value) ? weights.list : weights.row;
  for (const item of Object.values(value)) weight += weigh(item);
  return weight;
}
