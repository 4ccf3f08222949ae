import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MoepressError } from '@moepress/core';
import type { Row } from './dataset.js';
import { parseJsonLines, parseParagraphs } from './jsonl.js';
import { checkSize, maxBytes, tooLarge } from './limits.js';
import { readParquet } from './parquet.js';

/** Extensions of data files, the preferred first. */
export const dataExtensions = ['parquet', 'jsonl', 'jsonl.gz'] as const;

/**
 * Rows of a .parquet, .jsonl, .jsonl.gz or .txt file, by its name. Throws `DATASET_INVALID` if it is
 * damaged or too large.
 */
export async function readRows(file: string): Promise<Row[]> {
  checkSize((await stat(file)).size, file);
  if (file.endsWith('.parquet')) return readParquet(file);
  const bytes = await readFile(file);
  const text = decode(file.endsWith('.gz') ? await unpack(bytes, file) : bytes, file);
  return file.endsWith('.txt') ? parseParagraphs(text) : parseJsonLines(text, file);
}

async function unpack(bytes: Buffer, file: string): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(file);
    throw new MoepressError('DATASET_INVALID', { message: 'Not a gzip file.', where: file, cause });
  }
}

function decode(bytes: Buffer, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new MoepressError('DATASET_INVALID', { message: 'The text is not UTF-8.', where, cause });
  }
}
