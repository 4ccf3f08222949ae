import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asWriteError } from './errors.js';

/**
 * Makes a folder and those it lies in, unless they are there. Step by step: Node's own way to do so never ends where a
 * file system, as /proc, says of every new folder that the one it would lie in is missing. Throws `DISK_FULL` or
 * `WRITE_FAILED`.
 */
export async function makeFolders(path: string): Promise<void> {
  if (await isMade(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolders(parent);
  if (await isMade(path)) return;
  throw asWriteError(new Error('its folder does not take new ones'), path);
}

/** Makes one folder; false if that which it would lie in is missing. */
async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    // A file system that cannot be written may say so, or not, of a folder that is there.
    if ((await stat(path).catch(() => null))?.isDirectory()) return true;
    throw asWriteError(cause, path);
  }
}
