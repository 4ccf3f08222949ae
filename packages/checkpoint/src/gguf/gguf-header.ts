import { cut, shown } from '@moepress/core';
import { defaultAlignment, type GgufValueType, ggufMagic } from './format.js';
import { GgufCursor, type GgufValue } from './gguf-cursor.js';
import { type GgmlType, ggmlBytes, ggmlTypeOf } from './types.js';

/**
 * The header of a GGUF file (docs/gguf.md of ggml): magic, version, counts, metadata, the descriptions of the tensors,
 * then their data. Anyone may have written the file, so every number is checked before it is believed.
 */

/** A value of metadata, and where it stands, for writers that leave it as it is. */
export interface GgufEntry {
  readonly type: GgufValueType;
  readonly value: GgufValue;
  /** The bytes of key, type and value in the file. */
  readonly begin: number;
  readonly end: number;
}

/** A tensor of a GGUF file. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgmlType;
  /** Sizes with the fastest last, as elsewhere; files list them the other way round. */
  readonly shape: readonly number[];
  /** First byte in the file. */
  readonly offset: number;
  readonly length: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly alignment: number;
  readonly metadata: ReadonlyMap<string, GgufEntry>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** First byte of data. */
  readonly dataStart: number;
  /** One past the last byte of the descriptions. */
  readonly headerEnd: number;
}

/** Bytes of a key: `gguf.h` allows 65,535. */
const longestKey = 65_535;

/** Bytes of the name of a tensor: llama.cpp allows 63. */
const longestName = 4096;

/** The largest published models have some thousand. */
const mostTensors = 1_000_000;
const mostKeys = 100_000;

/** A tensor has at most four axes, as in ggml. */
const mostAxes = 4;

const bigEndianVersions = [0x0200_0000, 0x0300_0000];

/**
 * Reads a header out of the first bytes of a file. Throws `CHECKPOINT_INVALID` naming the file and what is wrong, or
 * `MoreNeeded` where the header is longer than `bytes`.
 */
export function parseGgufHeader(bytes: Buffer, fileSize: number, file: string): GgufHeader {
  const cursor = new GgufCursor(bytes, fileSize, file);
  if (cursor.uint32('its first four bytes') !== ggufMagic)
    throw cursor.invalid('The file does not begin with "GGUF"');
  const version = checkVersion(cursor);
  const tensorCount = cursor.count('The number of tensors', 24, mostTensors);
  const keyCount = cursor.count('The number of values of metadata', 13, mostKeys);
  const metadata = readMetadata(cursor, keyCount);
  const alignment = alignmentOf(metadata, cursor);
  const described = readDescriptions(cursor, tensorCount);
  const headerEnd = cursor.at;
  const dataStart = cursor.align(alignment);
  const tensors = placeTensors(described, { cursor, alignment, dataStart, fileSize });
  return { version, alignment, metadata, tensors, dataStart, headerEnd };
}

function checkVersion(cursor: GgufCursor): number {
  const version = cursor.uint32('its version');
  if (bigEndianVersions.includes(version))
    throw cursor.invalid('The file has the bytes of its numbers in big-endian order, which is not read');
  if (version !== 2 && version !== 3)
    throw cursor.invalid(`The file is of version ${version}; versions 2 and 3 are read`);
  return version;
}

function readMetadata(cursor: GgufCursor, count: number): Map<string, GgufEntry> {
  const metadata = new Map<string, GgufEntry>();
  for (let i = 0; i < count; i++) {
    const begin = cursor.at;
    const key = cursor.text(`key ${i} of the metadata`, longestKey);
    const what = shown(cut(key, 100));
    if (metadata.has(key)) throw cursor.invalid(`The metadata have ${what} twice`);
    const type = cursor.type(what);
    const value = cursor.value(type, what);
    metadata.set(key, { type, value, begin, end: cursor.at });
  }
  return metadata;
}

function alignmentOf(metadata: ReadonlyMap<string, GgufEntry>, cursor: GgufCursor): number {
  const { value = defaultAlignment } = metadata.get('general.alignment') ?? {};
  const fits = typeof value === 'number' && Number.isInteger(Math.log2(value)) && value >= 8;
  // A page of memory is the largest that makes sense.
  if (fits && value <= 65_536) return value;
  throw cursor.invalid(`The general.alignment is ${shown(value)}, not a power of two from 8 to 65536`);
}

type Described = Omit<GgufTensor, 'offset' | 'length'> & { readonly relative: number };

function readDescriptions(cursor: GgufCursor, count: number): Map<string, Described> {
  const described = new Map<string, Described>();
  for (let i = 0; i < count; i++) {
    const name = cursor.text(`the name of tensor ${i}`, longestName);
    const what = shown(cut(name, 100));
    if (described.has(name)) throw cursor.invalid(`Two tensors are called ${what}`);
    const axes = cursor.uint32(`the number of axes of ${what}`);
    if (axes > mostAxes) throw cursor.invalid(`Tensor ${what} has ${axes} axes; ${mostAxes} are the most`);
    const sizes = Array.from({ length: axes }, () => cursor.size(`A size of ${what}`));
    const id = cursor.uint32(`the type of ${what}`);
    const type = ggmlTypeOf(id);
    if (!type) throw cursor.invalid(`Tensor ${what} is of type ${id}, which is not known here`);
    const relative = cursor.size(`The place of ${what}`);
    described.set(name, { name, type, shape: sizes.reverse(), relative });
  }
  return described;
}

interface Room {
  readonly cursor: GgufCursor;
  readonly alignment: number;
  readonly dataStart: number;
  readonly fileSize: number;
}

/** Checks where the data of the tensors lie: inside the file, aligned, and nowhere on each other. */
function placeTensors(described: ReadonlyMap<string, Described>, room: Room): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const [name, each] of described) tensors.set(name, placed(each, room));
  const ordered = [...tensors.values()].sort((a, b) => a.offset - b.offset || a.length - b.length);
  let covered = 0;
  for (const { name, offset, length } of ordered) {
    if (offset < covered && length > 0)
      throw room.cursor.invalid(`The data of tensor ${shown(cut(name, 100))} overlap those of another one`);
    covered = Math.max(covered, offset + length);
  }
  return tensors;
}

function placed({ name, type, shape, relative }: Described, room: Room): GgufTensor {
  const { cursor, alignment, dataStart, fileSize } = room;
  const what = `Tensor ${shown(cut(name, 100))}`;
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(elements) || elements < 1)
    throw cursor.invalid(`${what} is [${shape}], which is not a size`);
  const columns = shape.at(-1) ?? 1;
  if (columns % type.block !== 0)
    throw cursor.invalid(
      `${what} has rows of ${columns} elements, and blocks of ${type.block} (${type.name})`,
    );
  const length = ggmlBytes(type, elements / columns, columns);
  if (relative % alignment !== 0)
    throw cursor.invalid(`${what} begins at ${relative}, which is not a multiple of ${alignment}`);
  const offset = dataStart + relative;
  if (offset + length > fileSize)
    throw cursor.invalid(
      `${what} takes ${length} bytes from ${offset} on, but the file has ${fileSize} bytes`,
    );
  return { name, type, shape, offset, length };
}
