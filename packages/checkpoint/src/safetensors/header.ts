import { byteLength, cut, type DType, isDType, parseJson, sha256, shown } from '@moepress/core';
import { invalidCheckpoint } from '../files/file-errors.js';

/**
 * The safetensors header: eight bytes of little-endian length, then a JSON object of
 * `name -> { dtype, shape, data_offsets }`, then the data. Anyone may have written the file, so
 * every number is checked before it is believed.
 */

/** Bytes before the JSON. */
export const lengthBytes = 8;

/** A header has no words of Python's, and every name once. */
const strict = { pythonWords: false, repeatedNames: false };

/** The limit of the reference implementation. */
export const maxHeaderBytes = 100_000_000;

/** Characters of a name: the longest of published models have a hundred. */
const maxName = 4096;

export interface HeaderEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the data. */
  readonly begin: number;
  readonly length: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors in the order of the file's JSON. */
  readonly entries: ReadonlyMap<string, HeaderEntry>;
  /** SHA-256 of the JSON bytes, in hexadecimal. */
  readonly hash: string;
}

/** Throws `CHECKPOINT_INVALID`. */
export function checkHeaderLength(declared: bigint, fileSize: number, file: string): number {
  if (declared > BigInt(maxHeaderBytes)) {
    throw invalidCheckpoint(
      `The header claims ${declared} bytes; ${maxHeaderBytes} is the most allowed`,
      file,
    );
  }
  const length = Number(declared);
  if (lengthBytes + length > fileSize) {
    throw invalidCheckpoint(`The header claims ${length} bytes but the file has ${fileSize}`, file);
  }
  return length;
}

/**
 * Checks the JSON of a header against the bytes of data that follow it. The tensors must cover the
 * data exactly, without gaps or overlaps, as the reference implementation demands.
 * Throws `CHECKPOINT_INVALID` naming the file and the tensor.
 */
export function parseHeader(json: Uint8Array, dataBytes: number, file: string): Header {
  const parsed = parseObject(json, file);
  const metadata = checkMetadata(parsed.__metadata__, file);
  const entries = new Map<string, HeaderEntry>();
  for (const [name, value] of Object.entries(parsed)) {
    if (name.length > maxName)
      throw invalidCheckpoint(`A name has ${name.length} characters`, `${file}: ${cut(name, 100)}`);
    if (name !== '__metadata__') entries.set(name, checkEntry(value, dataBytes, `${file}: ${name}`));
  }
  checkCoverage(entries, dataBytes, file);
  return { metadata, entries, hash: sha256(json) };
}

function parseObject(json: Uint8Array, file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json), strict);
  } catch (cause) {
    throw invalidCheckpoint(`The header is not JSON in UTF-8: ${(cause as Error).message}`, file, { cause });
  }
  if (!isObject(parsed)) throw invalidCheckpoint('The header is not a JSON object', file);
  return parsed;
}

function checkMetadata(value: unknown, file: string): Record<string, string> {
  if (value === undefined) return {};
  const fits = isObject(value) && Object.values(value).every((v) => typeof v === 'string');
  if (!fits) throw invalidCheckpoint('__metadata__ is not a map from strings to strings', file);
  return value as Record<string, string>;
}

function checkEntry(value: unknown, dataBytes: number, where: string): HeaderEntry {
  if (!isObject(value)) throw invalidCheckpoint('The tensor is not described by an object', where);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDType(dtype)) throw invalidCheckpoint(`Unknown dtype ${shown(dtype)}`, where);
  if (!isCounts(shape)) throw invalidCheckpoint(`Shape ${shown(shape)} is not a list of sizes`, where);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw invalidCheckpoint(`Offsets ${shown(offsets)} are not a pair of positions`, where);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes) {
    throw invalidCheckpoint(`Offsets [${begin}, ${end}] lie outside the ${dataBytes} bytes of data`, where, {
      hint: 'The file is shorter than its header says, or damaged: download it again.',
    });
  }
  const expected = byteLength(dtype, shape);
  if (expected !== end - begin) {
    throw invalidCheckpoint(
      `Offsets span ${end - begin} bytes but ${dtype} ${shown(shape)} takes ${expected}`,
      where,
    );
  }
  return { dtype, shape, begin, length: end - begin };
}

function checkCoverage(entries: ReadonlyMap<string, HeaderEntry>, dataBytes: number, file: string): void {
  const ordered = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.length - b.length);
  let covered = 0;
  for (const [name, { begin, length }] of ordered) {
    if (begin !== covered) {
      const problem = begin < covered ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw invalidCheckpoint(
        `Its data at ${begin} ${problem}, which ends at ${covered}`,
        `${file}: ${name}`,
      );
    }
    covered += length;
  }
  if (covered !== dataBytes) {
    throw invalidCheckpoint(
      `The tensors end at ${covered} but the file holds ${dataBytes} bytes of data`,
      file,
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
