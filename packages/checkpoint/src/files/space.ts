import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MoepressError } from '@moepress/core';

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
