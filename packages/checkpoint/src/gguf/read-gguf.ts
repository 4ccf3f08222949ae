import type { FileHandle } from 'node:fs/promises';
import { refuseLfsPointer, sha256 } from '@moepress/core';
import { invalidCheckpoint } from '../files/file-errors.js';
import { readUpTo } from '../files/open-files.js';
import { openSource } from '../files/open-source.js';
import { MoreNeeded } from './gguf-cursor.js';
import { type GgufHeader, parseGgufHeader } from './gguf-header.js';

/** What a GGUF file declares; its data stay on disk. */
export interface GgufFile extends GgufHeader {
  /** Absolute, symbolic links resolved. */
  readonly path: string;
  readonly size: number;
  /** SHA-256 of the bytes before the data, in hexadecimal. */
  readonly headerHash: string;
}

/** Bytes read at first; vocabularies of published models take up to twenty million. */
const firstBytes = 2 ** 20;

/** Bytes that metadata and descriptions may take. */
const mostBytes = 256 * 2 ** 20;

/** The largest size of a file that may be what Git puts in the place of a large one. */
const pointerBytes = 1024;

/**
 * Reads the header of a GGUF file of version 2 or 3 and nothing else. Every length is compared with the size of the
 * file before memory is taken for it, and every tensor lies inside the file.
 * Throws `CHECKPOINT_NOT_FOUND` if there is no such file, `CHECKPOINT_INVALID` if it lies.
 */
export async function readGguf(path: string): Promise<GgufFile> {
  const { file, handle } = await openSource(path);
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw invalidCheckpoint('This is not a file', file);
    const { size } = info;
    let bytes = await readFirst(handle, Math.min(size, firstBytes));
    if (size <= pointerBytes) refuseLfsPointer(bytes, file, 'CHECKPOINT_INVALID');
    for (;;) {
      try {
        const header = parseGgufHeader(bytes, size, file);
        return { ...header, path: file, size, headerHash: sha256(bytes.subarray(0, header.headerEnd)) };
      } catch (error) {
        if (!(error instanceof MoreNeeded)) throw error;
        bytes = await readFirst(handle, nextBytes(error.bytes, bytes.length, { size, file }));
      }
    }
  } finally {
    await handle.close();
  }
}

/** How many bytes to read where `had` were too few and `needed` would take the reader a step further. */
function nextBytes(
  needed: number,
  had: number,
  { size, file }: { readonly size: number; readonly file: string },
): number {
  if (needed <= had || had >= size)
    throw invalidCheckpoint('The file became shorter while it was read', file);
  if (needed > mostBytes)
    throw invalidCheckpoint(`Its metadata take more than the ${mostBytes} bytes that are allowed`, file);
  return Math.min(size, mostBytes, Math.max(needed, 4 * had));
}

async function readFirst(handle: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.from(new ArrayBuffer(length));
  return buffer.subarray(0, await readUpTo(handle, 0, buffer));
}
