import type { FileHandle } from 'node:fs/promises';
import { byteLength, throwIfAborted, type Work } from '@moepress/core';
import { replaceFile } from '../files/replace-file.js';
import { Reading } from '../tensor/reading.js';
import { openDirect } from './block-writer.js';
import { type FileLayout, layOut, type TensorEntry } from './file-layout.js';
import { jobsOf, type Stretch } from './jobs.js';
import { OutputFile } from './output.js';
import { type Brought, checkBytes, partsOf } from './parts.js';
import { defaultBlockBytes, writingThreads } from './writing-memory.js';
import { writeInThreads } from './writing-threads.js';

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
  /** Bytes read and written at a time, about. */
  readonly blockBytes?: number;
  /**
   * Bytes of expressions that one thread writes at a time, and that are worth threads of their own; default 32 MB, which
   * take as long as starting one. A transposed matrix is held by the one or two threads that write its rows.
   */
  readonly shareBytes?: number;
}

const defaultShareBytes = 32 * 1024 * 1024;

/** Writes one file of a known layout. */
export async function writeLayout(path: string, layout: FileLayout, work: LayoutWork): Promise<void> {
  await replaceFile(path, (file) => writeInto(file, layout, work));
}

/** Writes head and data from the beginning of a file on. */
export async function writeInto(file: FileHandle, layout: FileLayout, work: LayoutWork): Promise<void> {
  const { signal, count, blockBytes = defaultBlockBytes, shareBytes = defaultShareBytes } = work;
  const { stretches, brought } = partsOf(layout);
  const output = new OutputFile(file);
  const write = async (bytes: Uint8Array, position: number) => {
    throwIfAborted(signal);
    await output.write(bytes, position);
    count(bytes.byteLength);
  };
  try {
    await write(layout.head, 0);
    for (const tensor of brought) await writeBrought(tensor, write);
    if (stretches.reduce((sum, { bytes }) => sum + bytes, 0) < shareBytes) {
      await writeStretches(stretches, blockBytes, write);
    } else {
      const wrote = (bytes: number) => {
        output.wrote(bytes);
        count(bytes);
      };
      const threaded = { threads: writingThreads, blockBytes, shareBytes, signal, wrote };
      const direct = await openDirect(file);
      try {
        const ways = { descriptor: file.fd, direct: direct?.fd ?? null };
        await writeInThreads(stretches, { ...threaded, ways });
      } finally {
        await direct?.close();
      }
    }
    throwIfAborted(signal);
    await output.settle();
  } finally {
    // What went wrong first is what the user must hear of.
    await output.settle().catch(() => {});
  }
}

type Write = (bytes: Uint8Array, position: number) => Promise<void>;

async function writeStretches(
  stretches: readonly Stretch[],
  blockBytes: number,
  write: Write,
): Promise<void> {
  const reading = new Reading(blockBytes);
  try {
    for (const { pieces, bytes, position } of jobsOf(stretches, blockBytes)) {
      await reading.buffers.lend(bytes, async (buffer) => {
        await reading.fill(pieces, buffer);
        await write(buffer, position);
      });
    }
  } finally {
    await reading.close();
  }
}

async function writeBrought({ entry, position }: Brought, write: Write): Promise<void> {
  const expected = byteLength(entry.dtype, entry.shape);
  let written = 0;
  for await (const block of entry.bytes()) {
    written += block.byteLength;
    // More than announced would run into the next tensor.
    if (written > expected) break;
    await write(block, position + written - block.byteLength);
  }
  checkBytes(entry, written);
}
