import { ConfinedError, ConfinedThread } from '@moepress/checkpoint/confined';
import { MoepressError, throwIfAborted } from '@moepress/core';
import type { Row } from './dataset.js';
import { unpackedLimit } from './limits.js';

/** What the thread is given. */
export interface ParquetTask {
  readonly bytes: Uint8Array;
  /** Most that the file, or what is read of it, may take when unpacked. */
  readonly limit: number;
  /** The columns to read, unless one of them is not there; null: all. */
  readonly columns: readonly string[] | null;
}

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./parquet-thread.js', import.meta.url);

const megabyte = 2 ** 20;

/** Megabytes of JavaScript's memory for the thread itself, and for each megabyte that is unpacked. */
const memory = { base: 128, unpacked: 3 };

/** Milliseconds for anything, to start, and for each megabyte of the file: some times what sound ones take. */
const patienceFor = { base: 2000, start: 1000, megabyte: 2000 };

export interface ReadParquetOptions {
  readonly signal?: AbortSignal | undefined;
  readonly columns?: readonly string[] | undefined;
  /** Milliseconds of processor time that any part of the file may take; by default some seconds, more for large files. */
  readonly patience?: number | undefined;
}

/**
 * All rows of a Parquet file, columns in the order of its schema; whole numbers that JavaScript's cannot tell from their
 * neighbours are bigints. Throws `DATASET_INVALID` and `ABORTED`.
 *
 * The decoder is made for sound files. Damaged ones can keep it busy for ever, fill the memory, or make it
 * fail in a promise that nobody holds, so it works in a thread, which can be ended.
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
