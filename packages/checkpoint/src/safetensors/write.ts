import type { FileHandle } from 'node:fs/promises';
import { byteLength, MoepressError, throwIfAborted, type Work } from '@moepress/core';
import { replaceFile } from '../files/replace.js';
import { type FileLayout, layOut, type TensorEntry } from './layout.js';

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
  await writeLayout(path, layout, signal, (bytes) => {
    done += bytes;
    progress?.({ type: 'advance', task, done });
  });
  progress?.({ type: 'end', task });
}

/** Writes one file of a known layout. */
export async function writeLayout(
  path: string,
  layout: FileLayout,
  signal: AbortSignal | undefined,
  count: Count,
): Promise<void> {
  await replaceFile(path, (file) => writeInto(file, layout, signal, count));
}

/** Writes head and data at the file's current position. */
export async function writeInto(
  file: FileHandle,
  { head, entries }: FileLayout,
  signal: AbortSignal | undefined,
  count: Count,
): Promise<void> {
  await writeAll(file, head);
  count(head.byteLength);
  for (const entry of entries) {
    let written = 0;
    for await (const block of entry.bytes()) {
      throwIfAborted(signal);
      await writeAll(file, block);
      written += block.byteLength;
      count(block.byteLength);
    }
    const expected = byteLength(entry.dtype, entry.shape);
    if (written !== expected) {
      throw new MoepressError('WRITE_FAILED', {
        message: `${entry.dtype} [${entry.shape}] takes ${expected} bytes but ${written} came.`,
        where: entry.name,
        mend: 'This is likely a fault of moepress: please report it.',
      });
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    done += (await file.write(bytes, done, bytes.byteLength - done)).bytesWritten;
  }
}
