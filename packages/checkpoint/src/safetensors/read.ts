import type { FileHandle } from 'node:fs/promises';
import { refuseLfsPointer, type StoredTensor } from '@moepress/core';
import { invalidCheckpoint } from '../files/file-errors.js';
import { readUpTo } from '../files/open-files.js';
import { openSource } from '../files/open-source.js';
import { checkHeaderLength, lengthBytes, parseHeader } from './header.js';

/** The weights of a folder in one file, and the index of those in several. */
export const singleFile = 'model.safetensors';
export const indexFile = 'model.safetensors.index.json';

/** The tensors that a safetensors file declares; their data stay on disk. */
export interface SafetensorsFile {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** SHA-256 of the header's JSON. */
  readonly headerHash: string;
  /** Offset of the first byte of data. */
  readonly dataStart: number;
}

/** The largest size of a file that is read completely to find out what it contains instead of weights. */
const smallBytes = 1024;

/**
 * Reads the header of a safetensors file and nothing else: milliseconds, whatever the size.
 * Throws `CHECKPOINT_NOT_FOUND` if there is no such file, `CHECKPOINT_INVALID` if it lies.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const { file, handle } = await openSource(path);
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw invalidCheckpoint('This is not a file', file);
    const { size } = info;
    if (size <= smallBytes) {
      refuseLfsPointer(await readExactly(handle, 0, size, file), file, 'CHECKPOINT_INVALID');
    }
    if (size < lengthBytes) throw invalidCheckpoint(`The file has only ${size} bytes`, file);
    const declared = (await readExactly(handle, 0, lengthBytes, file)).readBigUInt64LE();
    const headerLength = checkHeaderLength(declared, size, file);
    const dataStart = lengthBytes + headerLength;
    const json = await readExactly(handle, lengthBytes, headerLength, file);
    const { metadata, entries, hash } = parseHeader(json, size - dataStart, file);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, { dtype, shape, begin, length }] of entries) {
      tensors.set(name, { kind: 'stored', name, file, offset: dataStart + begin, length, dtype, shape });
    }
    return { path: file, metadata, tensors, headerHash: hash, dataStart };
  } finally {
    await handle.close();
  }
}

/** Throws `CHECKPOINT_INVALID` if the file ends early. */
async function readExactly(
  handle: FileHandle,
  position: number,
  length: number,
  where: string,
): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.from(new ArrayBuffer(length));
  const done = await readUpTo(handle, position, buffer);
  if (done < length) throw invalidCheckpoint(`The file ends ${length - done} bytes early`, where);
  return buffer;
}
