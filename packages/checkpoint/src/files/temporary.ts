import { rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBytes } from './folders.js';
import { type HeldLock, takeLock } from './lock.js';

/** A folder that goes with the run that made it. */
export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

const lockName = 'run.lock';

/** Folders of this process that have not been removed: they go with it. */
const living = new Set<string>();
let isListening = false;

function removeAtExit(path: string): void {
  if (!isListening) {
    process.once('exit', () => {
      for (const one of living) rmSync(one, { recursive: true, force: true });
    });
  }
  isListening = true;
  living.add(path);
}

/**
 * Makes a folder in the system's folder for temporary files, which goes with this process at the latest, and removes those with that prefix which killed runs of this
 * user left there. Throws what the system says.
 */
export async function makeTemporary(prefix: string): Promise<TemporaryFolder> {
  await sweepTemporary(prefix);
  const path = await mkdtemp(join(tmpdir(), prefix));
  const lock = await takeLock(join(path, lockName)).catch(() => 'none' as const);
  removeAtExit(path);
  return {
    path,
    async remove() {
      // The lock goes last: what is half removed is still known for what it is.
      const names = await readdir(path).catch(() => []);
      for (const name of names) {
        if (name !== lockName) await rm(join(path, name), { recursive: true, force: true });
      }
      if (typeof lock !== 'string') await lock.release();
      await rm(path, { recursive: true, force: true });
      living.delete(path);
    },
  };
}

/** Folders that killed runs left, and the bytes in each. */
export async function deadTemporaries(
  prefix: string,
): Promise<{ readonly folder: string; readonly bytes: number }[]> {
  const dead: { folder: string; bytes: number }[] = [];
  await eachDead(prefix, async (folder) => {
    dead.push({ folder, bytes: await folderBytes(folder) });
  });
  return dead;
}

/** Removes what killed runs left. */
export async function sweepTemporary(prefix: string): Promise<void> {
  await eachDead(prefix, async (path, lock) => {
    await lock.release();
    await rm(path, { recursive: true, force: true });
  });
}

async function eachDead(prefix: string, use: (path: string, lock: HeldLock) => Promise<void>): Promise<void> {
  const names: readonly string[] = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const path = join(tmpdir(), name);
    const lock = await deadLock(path).catch(() => null);
    if (lock) await use(path, lock).catch(() => {});
    await lock?.leave().catch(() => {});
  }
}

/** The lock of a folder that is ours and of which nobody holds it. */
async function deadLock(path: string): Promise<HeldLock | null> {
  const info = await lstat(path);
  if (!info.isDirectory() || (process.getuid !== undefined && info.uid !== process.getuid())) return null;
  const lock = await takeLock(join(path, lockName), { make: false });
  return typeof lock === 'string' ? null : lock;
}
