import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MoepressError, refuseLfsPointer, throwIfAborted, type Work } from '@moepress/core';
import type { Row } from './dataset.js';
import { parseJsonLines, parseParagraphs } from './jsonl.js';
import { checkSize, maxBytes, tooLarge } from './limits.js';
import { readParquet } from './parquet.js';

/** Extensions of data files, the preferred first. */
export const dataExtensions = ['parquet', 'jsonl', 'jsonl.gz'] as const;

/**
 * Rows of a .parquet, .jsonl, .jsonl.gz or .txt file, by its name. Throws `DATASET_INVALID` if it is
 * damaged, too large or cannot be read, and `ABORTED`.
 */
export async function readRows(file: string, { signal }: Work = {}): Promise<Row[]> {
  throwIfAborted(signal);
  const bytes = await readBytes(file);
  refuseLfsPointer(bytes, file, 'DATASET_INVALID');
  if (file.endsWith('.parquet')) return readParquet(bytes, file, signal);
  const text = decode(file.endsWith('.gz') ? await unpack(bytes, file) : bytes, file);
  return file.endsWith('.txt') ? parseParagraphs(text) : parseJsonLines(text, file);
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    checkSize((await stat(file)).size, file);
    return await readFile(file);
  } catch (cause) {
    throw invalid('The file cannot be read', file, cause);
  }
}

async function unpack(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(file);
    throw invalid('The file cannot be unpacked', file, cause);
  }
}

function decode(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid('The text is not UTF-8', where, cause);
  }
}

function invalid(problem: string, where: string, cause: unknown): MoepressError {
  if (MoepressError.isInstance(cause)) return cause;
  const message = `${problem}: ${(cause as Error).message}.`;
  return new MoepressError('DATASET_INVALID', { message, where, cause });
}
