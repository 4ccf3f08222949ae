import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { folderBytes, makeFolders, type TakenLock, takeLock } from '@moepress/checkpoint';

/** Name of the file in a folder that its lock is kept on. */
export const lockName = 'lock';

/**
 * Calls `use` with whether this run has the folder to itself, which is made. `busy`: another run has it. `none`: the
 * disk keeps no locks, so that nobody can tell. The kernel gives back what a killed run held (see `takeLock`). Throws
 * `DISK_FULL` or `WRITE_FAILED` if the folder or the file cannot be made.
 */
export async function withLock<R>(
  folder: string,
  use: (taken: 'ours' | 'busy' | 'none') => Promise<R>,
): Promise<R> {
  const lock = await lockIn(folder);
  if (typeof lock === 'string') return use(lock);
  try {
    return await use('ours');
  } finally {
    await lock.release();
  }
}

/** Whether a run holds the lock in a folder now; null where the disk keeps no locks. */
async function isLocked(folder: string): Promise<boolean | null> {
  const lock = await takeLock(join(folder, lockName), { make: false }).catch(() => null);
  if (lock === null) return false;
  if (typeof lock === 'string') return lock === 'busy' ? true : null;
  // The file stays: with it a folder of scratch is known for what it is.
  await lock.leave();
  return false;
}

/** Another run that is done with a folder removes it once it is empty, perhaps before its file can be made. */
async function lockIn(folder: string): Promise<TakenLock> {
  for (let again = 10; ; again--) {
    await makeFolders(folder);
    try {
      return await takeLock(join(folder, lockName));
    } catch (cause) {
      const { code } = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
      if (code !== 'ENOENT' || again === 0) throw cause;
    }
  }
}

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
