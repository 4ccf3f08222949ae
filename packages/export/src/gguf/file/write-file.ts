import { type FileHandle, open } from 'node:fs/promises';
import { Reading } from '@moepress/checkpoint';
import { throwIfAborted, type Work } from '@moepress/core';
import { convertStretch, convertValues } from './convert.js';
import type { FilePlan } from './file-plan.js';
import { stretchesOf } from './stretches.js';

/** Bytes that operands of expressions are read in at a time. */
const blockBytes = 1024 * 1024;

/**
 * Writes a planned file to a path where none is, and flushes it; memory does not grow with the model. Throws what
 * `convertStretch` throws, `ABORTED`, and what the system says.
 */
export async function writePlannedFile(
  path: string,
  plan: FilePlan,
  { progress, signal }: Work,
): Promise<void> {
  const task = 'Writing';
  progress?.({ type: 'start', task, total: plan.totalBytes, unit: 'bytes' });
  const file = await open(path, 'wx');
  try {
    // What is not written reads as zeros: the padding between tensors.
    await file.truncate(plan.totalBytes);
    await writeAll(file, plan.head, 0);
    let done = plan.head.length;
    for await (const { bytes, position } of converted(plan)) {
      throwIfAborted(signal);
      await writeAll(file, bytes, position);
      done += bytes.length;
      progress?.({ type: 'advance', task, done });
    }
    throwIfAborted(signal);
    await file.sync();
  } finally {
    await file.close();
  }
  progress?.({ type: 'end', task });
}

interface Converted {
  readonly bytes: Uint8Array;
  readonly position: number;
}

async function* converted({ tensors }: FilePlan): AsyncGenerator<Converted, void, undefined> {
  for (const { name, from, type, position } of tensors) {
    if (from instanceof Float32Array) yield { bytes: convertValues(from, type, () => name), position };
  }
  const reading = new Reading(blockBytes);
  try {
    for (const stretch of stretchesOf(tensors)) {
      yield { bytes: await convertStretch(stretch, reading), position: stretch.position };
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
