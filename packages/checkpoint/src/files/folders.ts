import { lstat, mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MoepressError } from '@moepress/core';
import { asWriteError } from './file-errors.js';

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

/** Throws `DISK_FULL` unless the disk of an existing folder has `bytes` to spare. */
export async function checkSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new MoepressError('DISK_FULL', {
    message: `${bytes} bytes are needed and ${free} are free.`,
    where: directory,
  });
}

/** Bytes of all files in a folder and those below it; what goes meanwhile counts nothing. */
export async function folderBytes(folder: string): Promise<number> {
  const names: readonly string[] = await readdir(folder, { recursive: true }).catch(() => []);
  const infos = await Promise.all(names.map((name) => lstat(join(folder, name)).catch(() => null)));
  return infos.reduce((sum, info) => sum + (info?.isFile() ? info.size : 0), 0);
}
