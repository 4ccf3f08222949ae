import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { asWriteError } from './errors.js';

/**
 * Writes a file so that it is there whole or not at all: under another name first, flushed to the
 * disk, then renamed. On any failure nothing is left behind. Of several writers at once, in this process or on
 * machines that share the folder, the last one to end wins. Throws `DISK_FULL` or `WRITE_FAILED`,
 * and passes on what `write` throws of our own.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const partial = `${path}.partial-${randomUUID()}`;
  try {
    const file = await open(partial, 'w');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (cause) {
    // What went wrong first is what the user must hear of.
    await rm(partial, { force: true }).catch(() => {});
    throw asWriteError(cause, path);
  }
}
