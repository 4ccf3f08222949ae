import type { FileHandle } from 'node:fs/promises';
import { byteLength, throwIfAborted, type Work } from '@moepress/core';
import { replaceFile } from '../files/replace-file.js';
import type { Bytes } from '../tensor/buffers.js';
import { Reading } from '../tensor/reading.js';
import { type FileLayout, layOut, type TensorEntry } from './file-layout.js';
import { checkLength, type Job, jobsOf } from './jobs.js';
import { OutputFile } from './output.js';
import { defaultBlockBytes, lanes } from './writing-memory.js';

export interface WriteOptions extends Work {
  /** Default `{ format: 'pt' }`, which transformers demands. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Called with the number of bytes that have just been written. */
type Count = (bytes: number) => void;

/**
 * Writes a safetensors file, block by block; memory does not grow with the tensors. The file
 * appears whole or not at all. Throws `DISK_FULL`, `WRITE_FAILED`, `ABORTED`, and what reading the
 * tensors throws.
 */
export async function writeSafetensors(
  path: string,
  entries: readonly TensorEntry[],
  { metadata, progress, signal }: WriteOptions = {},
): Promise<void> {
  const layout = layOut(entries, metadata);
  const task = 'Writing';
  progress?.({ type: 'start', task, total: layout.totalBytes, unit: 'bytes' });
  let done = 0;
  const count = (bytes: number) => {
    done += bytes;
    progress?.({ type: 'advance', task, done });
  };
  await writeLayout(path, layout, { signal, count });
  progress?.({ type: 'end', task });
}

/** How a file of a known layout is written. */
export interface LayoutWork {
  readonly signal?: AbortSignal | undefined;
  readonly count: Count;
  /** Bytes read and written at a time, about; default 1 MB. */
  readonly blockBytes?: number;
}

/** Writes one file of a known layout. */
export async function writeLayout(path: string, layout: FileLayout, work: LayoutWork): Promise<void> {
  await replaceFile(path, (file) => writeInto(file, layout, work));
}

/** Writes head and data from the beginning of a file on. */
export async function writeInto(
  file: FileHandle,
  layout: FileLayout,
  { signal, count, blockBytes = defaultBlockBytes }: LayoutWork,
): Promise<void> {
  const output = new OutputFile(file);
  const reading = new Reading(blockBytes);
  const write = async (bytes: Uint8Array, position: number) => {
    throwIfAborted(signal);
    await output.write(bytes, position);
    count(bytes.byteLength);
  };
  try {
    await write(layout.head, 0);
    const jobs = jobsOf(layout, blockBytes);
    const lane = async () => {
      // A loop that fails closes the generator, so that the other lanes end with the block they are at.
      for (const job of jobs) await perform(job, reading, write);
    };
    const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    throwIfAborted(signal);
    await output.settle();
  } finally {
    await reading.close();
    // What went wrong first is what the user must hear of.
    await output.settle().catch(() => {});
  }
}

type Write = (bytes: Uint8Array, position: number) => Promise<void>;

async function perform(job: Job, reading: Reading, write: Write): Promise<void> {
  if (job.kind === 'entries') {
    let { position } = job;
    for (const entry of job.entries) position = await writeEntry(entry, position, write);
    return;
  }
  await reading.buffers.lend(job.bytes, async (buffer: Bytes) => {
    await reading.fill(job.pieces, buffer);
    await write(buffer, job.position);
  });
}

/** Writes what a tensor brings. Returns the position after it. */
async function writeEntry(entry: TensorEntry, position: number, write: Write): Promise<number> {
  const expected = byteLength(entry.dtype, entry.shape);
  let written = 0;
  for await (const block of entry.bytes()) {
    written += block.byteLength;
    // More than announced would run into the next tensor.
    if (written > expected) break;
    await write(block, position + written - block.byteLength);
  }
  checkLength(entry, written);
  return position + written;
}
