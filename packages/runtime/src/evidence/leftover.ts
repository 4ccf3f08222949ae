import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { folderBytes } from '@moepress/checkpoint';
import { isLocked, lockName, withLock } from './lock.js';

/** A folder in which a run keeps what it needs to go on, or kept it until it was killed. */
export interface Leftover {
  readonly folder: string;
  readonly bytes: number;
  /** Whether a run uses it now; null where the disk keeps no locks. */
  readonly isUsed: boolean | null;
}

export async function readLeftover(folder: string): Promise<Leftover> {
  const isUsed = await isLocked(folder);
  return { folder, bytes: await folderBytes(folder), isUsed };
}

/** Removes a folder that no run uses. Returns whether it did. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function clearLeftover(folder: string): Promise<boolean> {
  const isCleared = await withLock(folder, async (taken) => {
    if (taken !== 'ours') return false;
    const names = (await readdir(folder)).filter((name) => name !== lockName);
    for (const name of names) await rm(join(folder, name), { recursive: true, force: true });
    return true;
  });
  // Refused if another run has it by now.
  if (isCleared) await rmdir(folder).catch(() => {});
  return isCleared;
}
