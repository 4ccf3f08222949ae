import { join } from 'node:path';
import { MoepressError, type Progress, sha256 } from '@moepress/core';
import { asWriteError } from '../files/file-errors.js';
import { type HeldLock, takeLock } from '../files/lock.js';
import { fitting } from '../files/replace-file.js';

const ending = '.moepress-lock';
const hashDigits = 8;

/** Whether a name is that of an output's lock. */
export const isLockName = (name: string): boolean => name.endsWith(ending);

/** The lock of an output called `name` in a folder: hidden, and of the same name for every run that writes it. */
export function lockPath(folder: string, name: string): string {
  const own = `.${name}${ending}`;
  if (own === fitting(own, 0)) return join(folder, own);
  const hash = sha256(name).slice(0, hashDigits);
  return join(folder, `${fitting(`.${name}`, ending.length + 1 + hashDigits)}-${hash}${ending}`);
}

/** The lock of what is written into a folder. */
export const folderLockPath = (folder: string): string => join(folder, ending);

/**
 * Keeps an output to this run until it is released. Throws `OUTPUT_BUSY` if another run has it. A disk that keeps no
 * locks is a warning: then two runs find out at their ends.
 */
export async function claim(
  path: string,
  out: string,
  progress: Progress | undefined,
): Promise<HeldLock | null> {
  const lock = await takeLock(path).catch((cause) => {
    const { code, message } = asWriteError(cause, out);
    throw new MoepressError(code, { message, where: out, cause });
  });
  if (lock === 'busy') {
    throw new MoepressError('OUTPUT_BUSY', { message: 'Another run is writing to this output.', where: out });
  }
  if (lock !== 'none') {
    const note = `moepress, process ${process.pid}, since ${new Date().toISOString()}\n`;
    // For people alone.
    await lock.file.writeFile(note).catch(() => {});
    return lock;
  }
  progress?.({
    type: 'warning',
    message: `The disk of ${out} does not support file locks: make sure that no other run writes there.`,
  });
  return null;
}
