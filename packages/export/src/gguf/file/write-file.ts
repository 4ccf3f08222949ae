import { type FileHandle, open } from 'node:fs/promises';
import { Reading } from '@moepress/checkpoint';
import { throwIfAborted, type Work } from '@moepress/core';
import { convertStretch, convertValues } from './convert.js';
import { convertInThreads } from './convert-in-threads.js';
import type { FilePlan, PlacedTensor } from './file-plan.js';
import { stretchesOf } from './stretches.js';

/** Bytes that operands of expressions are read in at a time. */
const blockBytes = 1024 * 1024;

/** Bytes of a file that are worth threads of their own, which take as long to start as these to write. */
const threadedBytes = 32 * 1024 * 1024;

export interface WritingWork extends Work {
  /** Bytes of a file from which on threads write it; 32 MB by default. */
  readonly threadedBytes?: number | undefined;
}

/**
 * Writes a planned file to a path where none is, and flushes it; memory does not grow with the model. Throws what
 * `convertStretch` throws, `ABORTED`, and what the system says.
 */
export async function writePlannedFile(
  path: string,
  plan: FilePlan,
  { progress, signal, threadedBytes: threaded = threadedBytes }: WritingWork,
): Promise<void> {
  const task = 'Writing';
  progress?.({ type: 'start', task, total: plan.totalBytes, unit: 'bytes' });
  const file = await open(path, 'wx');
  try {
    // What is not written reads as zeros: the padding between tensors.
    await file.truncate(plan.totalBytes);
    let done = 0;
    const wrote = (bytes: number) => {
      done += bytes;
      progress?.({ type: 'advance', task, done });
    };
    const write = async (bytes: Uint8Array, position: number) => {
      throwIfAborted(signal);
      await writeAll(file, bytes, position);
      wrote(bytes.length);
    };
    await write(plan.head, 0);
    for (const { name, from, type, position } of plan.tensors) {
      if (from instanceof Float32Array)
        await write(convertValues(from, type, { where: () => name }), position);
    }
    const tensors = plan.tensors.filter(({ from }) => !(from instanceof Float32Array));
    if (plan.totalBytes < threaded) await convertAll(tensors, write);
    else await convertInThreads(tensors, { descriptor: file.fd, signal, wrote });
    throwIfAborted(signal);
    await file.sync();
  } finally {
    await file.close();
  }
  progress?.({ type: 'end', task });
}

async function convertAll(
  tensors: readonly PlacedTensor[],
  write: (bytes: Uint8Array, position: number) => Promise<void>,
): Promise<void> {
  const reading = new Reading(blockBytes);
  try {
    for (const stretch of stretchesOf(tensors)) {
      await write(await convertStretch(stretch, reading), stretch.position);
    }
  } finally {
    await reading.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
