import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MoepressError, refuseLfsPointer, throwIfAborted, type Work } from '@moepress/core';
import type { Row } from './dataset.js';
import { type DataFormat, formatOf } from './format.js';
import { parseJsonRows } from './jsonl.js';
import { checkSize, tooLarge, unpackedLimit } from './limits.js';
import { readParquet } from './parquet.js';
import { parseText, type TextRows } from './text-rows.js';

/** Extensions of data files in a folder that mirrors Hub datasets, in order of preference. */
export const dataExtensions = ['parquet', 'jsonl', 'jsonl.gz'] as const;

export interface ReadOptions extends Work {
  /** The only columns that are needed: others need not be readable. All where a file has not all of these. */
  readonly columns?: readonly string[] | undefined;
  /** Rows of a .txt file; default: its documents. */
  readonly text?: TextRows | undefined;
  /** The separator of fields in a CSV file; default: a comma, or a tab in .tsv files. */
  readonly separator?: string | undefined;
  /** The key of a JSON file whose value holds the rows. */
  readonly field?: string | undefined;
}

/**
 * Rows of a Parquet, JSON, CSV or text file, according to its name, with or without .gz compression. Throws
 * `DATASET_INVALID` if the file is damaged, too large or cannot be read, and `ABORTED`.
 */
export async function readRows(file: string, options: ReadOptions = {}): Promise<Row[]> {
  const { signal, columns } = options;
  throwIfAborted(signal);
  const known = formatOf(file);
  if (!known) {
    throw new MoepressError('DATASET_INVALID', {
      message: 'Files of this kind are not supported.',
      where: file,
      hint: 'Give a file that ends in .parquet, .jsonl, .json, .csv, .tsv or .txt, or in one of these followed by .gz.',
    });
  }
  const bytes = await readBytes(file);
  refuseLfsPointer(bytes, file, 'DATASET_INVALID');
  const unpacked = known.isPacked ? await unpack(bytes, file) : bytes;
  if (known.format === 'parquet') return readParquet(unpacked, file, { signal, columns });
  return parseRows(decode(unpacked, file), known.format, file, options);
}

async function parseRows(
  text: string,
  format: Exclude<DataFormat, 'parquet'>,
  where: string,
  { text: by = 'document', separator, field }: ReadOptions,
): Promise<Row[]> {
  if (format === 'text') return parseText(text, by, where);
  if (format === 'json') return parseJsonRows(text, where, field);
  // Loaded only when needed: few datasets are CSV files.
  const { parseCsv } = await import('./csv.js');
  return parseCsv(text, separator ?? (format === 'tsv' ? '\t' : ','), where);
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
  const limit = unpackedLimit(bytes.length);
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: limit });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(file, limit);
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
