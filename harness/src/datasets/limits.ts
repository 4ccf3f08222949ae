import { MoepressError } from '@moepress/core';

/** Evaluation sets are megabytes; the cap keeps a crafted file from filling memory. */
export const maxBytes = 256 * 1024 * 1024;

/** What any packed file may unpack to. */
const least = 32 * 1024 * 1024;

/** Real text packs to a tenth, and hardly ever to a hundredth. */
const mostRatio = 100;

/** Throws `DATASET_INVALID` for more than 256 MiB, packed or unpacked. */
export function checkSize(bytes: number, where: string): void {
  if (bytes > maxBytes) throw tooLarge(where);
}

/** Bytes that a packed file of so many may unpack to. */
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

/** Bytes that objects, lists and their items take in memory, about. */
export const weights = { row: 72, list: 48, item: 24, character: 1 };

/** Adds up what is made of a file. Throws `DATASET_INVALID` as soon as that is more than 256 MiB. */
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

/** The lines of a text, one after the other: a list of a hundred million empty ones would fill the memory. */
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

/** Bytes that a decoded value takes in memory, about; an equal text at another place counts again, as it is copied. */
export function weigh(value: unknown): number {
  if (typeof value === 'string') return weights.item + value.length * weights.character;
  if (value === null || typeof value !== 'object') return weights.item;
  if (ArrayBuffer.isView(value)) return weights.list + value.byteLength;
  let weight = Array.isArray(value) ? weights.list : weights.row;
  for (const item of Object.values(value)) weight += weigh(item);
  return weight;
}
