import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { MoepressError, throwIfAborted } from '@moepress/core';
import type { Row } from './dataset.js';
import { maxBytes } from './limits.js';

/** What the thread is given. */
export interface ParquetTask {
  readonly bytes: Uint8Array;
  /** Most that the file, or what is read of it, may hold when unpacked, by its own account. */
  readonly maxBytes: number;
  /** The columns to read, unless one of them is not there; null: all. */
  readonly columns: readonly string[] | null;
}

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const thread = new URL('../../dist/datasets/parquet-thread.js', import.meta.url);

/** The largest file that is allowed takes less. */
const resourceLimits = { maxOldGenerationSizeMb: 2048 };

/** Milliseconds. The largest file that is allowed takes some seconds. */
const defaultPatience = 60_000;

export interface ReadParquetOptions {
  readonly signal?: AbortSignal | undefined;
  readonly columns?: readonly string[] | undefined;
  /** Milliseconds. */
  readonly patience?: number;
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
  { signal, columns, patience = defaultPatience }: ReadParquetOptions = {},
): Promise<Row[]> {
  const task: ParquetTask = { bytes, maxBytes, columns: columns ?? null };
  const worker = new Worker(thread, { workerData: task, resourceLimits });
  const timeout = AbortSignal.timeout(patience);
  try {
    const [rows] = await once(worker, 'message', { signal: AbortSignal.any([timeout, signal ?? timeout]) });
    return rows;
  } catch (cause) {
    throwIfAborted(signal);
    const reason = timeout.aborted ? `it took longer than ${patience / 1000} s` : (cause as Error).message;
    throw new MoepressError('DATASET_INVALID', {
      message: `The Parquet file cannot be read: ${reason}.`,
      where,
      cause,
    });
  } finally {
    // It may fail once more before it ends.
    worker.on('error', () => {});
    await worker.terminate();
  }
}
