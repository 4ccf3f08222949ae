import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asWriteError, checkSpace, type FileOutput } from '@moepress/checkpoint';
import { MoepressError, throwIfAborted, type Work } from '@moepress/core';
import type { SlicePlan, Stretch } from './slice-plan.js';

/** Bytes copied at a time. */
const blockBytes = 4 * 2 ** 20;

/**
 * Writes a file that was laid out by `planSlice`; it appears whole or not at all, and memory does not grow with it. The
 * output is committed, or abandoned if anything fails. Throws `DISK_FULL` before any byte is written, `WRITE_FAILED`,
 * `CHECKPOINT_INVALID` for a source that became shorter, and `ABORTED`.
 */
export async function writeSlice(
  plan: SlicePlan,
  output: FileOutput,
  work: Work,
): Promise<{ readonly bytes: number }> {
  const copying = new Copying(work);
  try {
    throwIfAborted(work.signal);
    await checkSpace(dirname(output.path), plan.totalBytes);
    await copying.write(output.path, plan);
    await output.commit();
    return { bytes: plan.totalBytes };
  } finally {
    await copying.close();
    await output.abandon();
  }
}

/** Files that are read, and how far it is. */
class Copying {
  readonly #sources = new Map<string, FileHandle>();
  readonly #work: Work;
  readonly #buffer = Buffer.from(new ArrayBuffer(blockBytes));
  #done = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  async write(path: string, plan: SlicePlan): Promise<void> {
    const task = 'Writing';
    const { progress } = this.#work;
    progress?.({ type: 'start', task, total: plan.totalBytes, unit: 'bytes' });
    const target = await open(path, 'wx').catch((cause) => {
      throw asWriteError(cause, path);
    });
    try {
      // What is not written reads as zeros: the padding between tensors.
      await target.truncate(plan.totalBytes);
      let position = 0;
      for (const part of plan.head) {
        if (part instanceof Uint8Array) await target.write(part, 0, part.length, position);
        else await this.#copy(part, target, position);
        position += part.length;
      }
      for (const part of plan.parts) {
        await this.#copy(part, target, part.position);
        progress?.({ type: 'advance', task, done: this.#done });
      }
      throwIfAborted(this.#work.signal);
      await target.sync();
    } catch (error) {
      throw (error as NodeJS.ErrnoException).syscall ? asWriteError(error, path) : error;
    } finally {
      await target.close();
    }
    progress?.({ type: 'end', task });
  }

  async #copy({ file, offset, length }: Stretch, target: FileHandle, position: number): Promise<void> {
    const source = await this.#open(file);
    for (let at = 0; at < length; ) {
      throwIfAborted(this.#work.signal);
      const wanted = Math.min(blockBytes, length - at);
      const { bytesRead } = await source.read(this.#buffer, 0, wanted, offset + at);
      if (bytesRead === 0) {
        throw new MoepressError('CHECKPOINT_INVALID', {
          message: 'The file became shorter while it was read.',
          where: file,
        });
      }
      await writeAll(target, this.#buffer.subarray(0, bytesRead), position + at);
      at += bytesRead;
      this.#done += bytesRead;
    }
  }

  async #open(file: string): Promise<FileHandle> {
    const known = this.#sources.get(file);
    if (known) return known;
    const opened = await open(file, 'r');
    this.#sources.set(file, opened);
    return opened;
  }

  async close(): Promise<void> {
    for (const source of this.#sources.values()) await source.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
