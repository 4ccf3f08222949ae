import { shown } from '@moepress/core';
import { invalidCheckpoint } from '../files/file-errors.js';
import { type GgufValueType, ggufValueTypes } from './format.js';

/** What a value of metadata may be once read: numbers beyond 2^53 stay `bigint`. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[];

/** Signals that what is asked for lies in the file, but beyond the bytes at hand. */
export class MoreNeeded extends Error {
  /** How many bytes of the file would do at least. */
  readonly bytes: number;

  constructor(bytes: number) {
    super('More of the file is needed.');
    this.bytes = bytes;
  }
}

/** Metadata may hold lists of lists; those of published models hold none. */
const deepest = 3;

/** Bytes of a text: chat templates have some ten thousand. */
const longestText = 16 * 2 ** 20;

/** Elements of all lists together; the largest vocabularies and their merges have a million. */
const mostElements = 16 * 2 ** 20;

const sizes = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  uint64: 8,
  int64: 8,
  float64: 8,
} as const;

/** The fewest bytes that a value takes: a text has its length, a list its type and length. */
const fewestBytes = (type: GgufValueType): number =>
  type === 'string' ? 8 : type === 'array' ? 12 : sizes[type];

const typeNames = new Map<number, GgufValueType>(
  Object.entries(ggufValueTypes).map(([name, id]) => [id, name as GgufValueType]),
);

/**
 * Reads the first bytes of a GGUF file one value after the other. Every length is compared with what is left of the
 * file before anything is made of it. All methods throw `CHECKPOINT_INVALID`, or `MoreNeeded`.
 */
export class GgufCursor {
  at = 0;
  readonly #bytes: Buffer;
  readonly #fileSize: number;
  readonly #file: string;
  #elements = 0;

  constructor(bytes: Buffer, fileSize: number, file: string) {
    this.#bytes = bytes;
    this.#fileSize = fileSize;
    this.#file = file;
  }

  /** Bytes of the file after the place that has been read. */
  get left(): number {
    return this.#fileSize - this.at;
  }

  uint32(what: string): number {
    return this.#bytes.readUInt32LE(this.#take(4, what));
  }

  /** A length or a count, at most `most`, of things that take `each` bytes or more. */
  count(what: string, each: number, most: number): number {
    const declared = this.#bytes.readBigUInt64LE(this.#take(8, what));
    const room = Math.floor(this.left / each);
    if (declared > BigInt(room)) {
      throw this.invalid(
        `${what} is said to be ${declared}, but the ${this.left} bytes left hold ${room} at most`,
      );
    }
    if (declared > BigInt(most))
      throw this.invalid(`${what} is said to be ${declared}; ${most} is the most allowed`);
    return Number(declared);
  }

  /** A number up to 2^53. */
  size(what: string): number {
    const declared = this.#bytes.readBigUInt64LE(this.#take(8, what));
    if (declared > BigInt(Number.MAX_SAFE_INTEGER))
      throw this.invalid(`${what} is said to be ${declared}, which nothing can be`);
    return Number(declared);
  }

  text(what: string, most: number = longestText): string {
    const length = this.count(`The length of ${what}`, 1, most);
    const begin = this.#take(length, what);
    // Tokens may be halves of characters: what is not UTF-8 becomes a replacement character, as in llama.cpp's own readers.
    return this.#bytes.toString('utf8', begin, begin + length);
  }

  /** The type of a value. */
  type(what: string): GgufValueType {
    const id = this.uint32(`the type of ${what}`);
    const type = typeNames.get(id);
    if (type === undefined) throw this.invalid(`The type of ${what} is ${id}, which none has`);
    return type;
  }

  value(type: GgufValueType, what: string, depth = 0): GgufValue {
    if (type === 'array') return this.#list(what, depth + 1);
    if (type === 'string') return this.text(what);
    return this.#number(type, what);
  }

  /** Skips to where the next thing begins that stands at a multiple of `alignment`. */
  align(alignment: number): number {
    return Math.ceil(this.at / alignment) * alignment;
  }

  invalid(problem: string): Error {
    return invalidCheckpoint(problem, this.#file, {
      hint: 'The file is cut off or damaged: download or export it again.',
    });
  }

  #list(what: string, depth: number): GgufValue {
    if (depth > deepest) throw this.invalid(`${shown(what)} has lists in lists deeper than ${deepest}`);
    const type = this.type(what);
    const length = this.count(`The length of ${what}`, fewestBytes(type), mostElements - this.#elements);
    this.#elements += length;
    const values: GgufValue[] = [];
    for (let i = 0; i < length; i++) values.push(this.value(type, what, depth));
    return values;
  }

  #number(type: keyof typeof sizes, what: string): number | bigint | boolean {
    const at = this.#take(sizes[type], what);
    const bytes = this.#bytes;
    switch (type) {
      case 'uint8':
        return bytes.readUInt8(at);
      case 'int8':
        return bytes.readInt8(at);
      case 'uint16':
        return bytes.readUInt16LE(at);
      case 'int16':
        return bytes.readInt16LE(at);
      case 'uint32':
        return bytes.readUInt32LE(at);
      case 'int32':
        return bytes.readInt32LE(at);
      case 'float32':
        return bytes.readFloatLE(at);
      case 'float64':
        return bytes.readDoubleLE(at);
      case 'uint64':
        return safe(bytes.readBigUInt64LE(at));
      case 'int64':
        return safe(bytes.readBigInt64LE(at));
      case 'bool': {
        const value = bytes.readUInt8(at);
        if (value > 1) throw this.invalid(`${what} is ${value}, neither true nor false`);
        return value === 1;
      }
    }
  }

  /** Goes `length` bytes on. Returns where they begin. */
  #take(length: number, what: string): number {
    const { at } = this;
    if (length > this.left) throw this.invalid(`The file ends inside ${what}`);
    if (at + length > this.#bytes.length) throw new MoreNeeded(at + length);
    this.at += length;
    return at;
  }
}

const safe = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
