import { ConfinedError, ConfinedThread } from '@moepress/checkpoint/confined';
import { MoepressError, throwIfAborted } from '@moepress/core';
import type { Row } from './dataset.js';
import { unpackedLimit } from './limits.js';

/** The input of the thread. */
export interface ParquetTask {
  readonly bytes: Uint8Array;
  /** The most bytes that the file, or the columns read from it, may take when decompressed. */
  readonly limit: number;
  /** The columns to read, unless one of them is not there; null: all. */
  readonly columns: readonly string[] | null;
}

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./parquet-thread.js', import.meta.url);

const megabyte = 2 ** 20;

/** Megabytes of JavaScript's memory for the thread itself, and for each megabyte that is decompressed. */
const memory = { base: 128, unpacked: 3 };

/** Milliseconds allowed for the start, and for each megabyte of the file: several times what valid files need. */
const patienceFor = { base: 2000, start: 1000, megabyte: 2000 };

export interface ReadParquetOptions {
  readonly signal?: AbortSignal | undefined;
  readonly columns?: readonly string[] | undefined;
  /**
   * Milliseconds of processor time that any part of the file may take; by default some seconds, and more for large
   * files.
   */
  readonly patience?: number | undefined;
}

/**
 * All rows of a Parquet file, with columns in the order of its schema; integers that a JavaScript number cannot
 * represent exactly are bigints. Throws `DATASET_INVALID` and `ABORTED`.
 *
 * The decoder is made for valid files. Damaged ones can keep it busy for ever, fill the memory, or reject a promise
 * that nothing handles, so it works in a thread, which can be ended.
 */
export async function readParquet(
  bytes: Uint8Array,
  where: string,
  { signal, columns, patience }: ReadParquetOptions = {},
): Promise<Row[]> {
  throwIfAborted(signal);
  const limit = unpackedLimit(bytes.length);
  const task: ParquetTask = { bytes, limit, columns: columns ?? null };
  const thread = new ConfinedThread(script, task, patience === undefined ? patienceFor.start : 0);
  const bounds = {
    patience: patience ?? patienceFor.base + (patienceFor.megabyte * bytes.length) / megabyte,
    memory: memory.base + Math.ceil((memory.unpacked * limit) / megabyte),
    signal,
  };
  const rows: Row[] = [];
  try {
    for (;;) {
      const batch = await thread.ask<Row[]>('next', null, bounds);
      if (batch.length === 0) return rows;
      for (const row of batch) rows.push(row);
    }
  } catch (cause) {
    throwIfAborted(signal);
    if (!(cause instanceof ConfinedError)) throw cause;
    throw new MoepressError('DATASET_INVALID', {
      message: `The Parquet file cannot be read: ${cause.message}.`,
      where,
      cause,
    });
  } finally {
    await thread.close();
  }
}
