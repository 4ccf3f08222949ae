import { type FileHandle, rename, rm } from 'node:fs/promises';
import { asWriteError } from './errors.js';
import { openPartial } from './partial.js';

/**
 * Writes a file so that it is there whole or not at all: under another name first, flushed to the
 * disk, then renamed. On any failure nothing is left behind, and what a killed process left in the folder is removed.
 * Of several writers at once, in this process or on machines that share the folder, the last one to end wins. Throws
 * `DISK_FULL` or `WRITE_FAILED`, and passes on what `write` throws of our own.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  let made: string | undefined;
  try {
    const { partial, file } = await openPartial(path);
    made = partial;
    try {
      await write(file);
      await file.sync();
      // While it is open and so locked.
      await rename(partial, path);
    } finally {
      await file.close();
    }
  } catch (cause) {
    // What went wrong first is what the user must hear of.
    if (made !== undefined) await rm(made, { force: true }).catch(() => {});
    throw asWriteError(cause, path);
  }
}
