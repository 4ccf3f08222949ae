import { join } from 'node:path';
import { makeFolders, type TakenLock, takeLock } from '@moepress/checkpoint';

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
export async function isLocked(folder: string): Promise<boolean | null> {
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
