import { statfs } from 'node:fs/promises';
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
