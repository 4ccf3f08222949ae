import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '@moepress/core';
import { folderBytes } from '../files/folders.js';
import { type HeldLock, takeLock } from '../files/lock.js';
import { fitting } from '../files/replace-file.js';
import { takeBackMoves } from './moves.js';
import { probeBytes } from './place.js';

const mark = '.partial-';
/** The suffix that `mkdtemp` appends. */
const stagingName = /\.partial-[A-Za-z0-9]{6}$/;
/** An older moepress ended it by its process id. */
const oldName = /\.partial-\d+$/;
/** The lock held by the run that owns the folder. */
const lockName = 'run.lock';
/** A name as long as the longest within a checkpoint. */
const longName = 'model-00000-of-00000.safetensors.partial-000000000000';

/**
 * A folder of this run alone, in which an output is made: `<name>.partial-XXXXXX` beside it. Nobody has had its name
 * before, nobody else may look into it, and a lock in it says that the run lives.
 */
export class Staging {
  readonly path: string;
  readonly #lock: HeldLock | null;

  private constructor(path: string, lock: HeldLock | null) {
    this.path = path;
    this.#lock = lock;
  }

  /** Throws what the system says, of permissions, space and names too. */
  static async make(parent: string, name: string): Promise<Staging> {
    const path = await mkdtemp(join(parent, `${fitting(name, mark.length + 6)}${mark}`));
    const staging = new Staging(path, await lockIn(path).catch(() => null));
    try {
      await staging.#note();
      await staging.#tryNames(name);
      return staging;
    } catch (cause) {
      await staging.remove().catch(() => {});
      throw cause;
    }
  }

  /** Says whose it is, for people, and takes a block of the disk: one that is full is found full now. */
  async #note(): Promise<void> {
    if (!this.#lock) return;
    const note = `moepress, process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`;
    await this.#lock.file.writeFile(note.padEnd(probeBytes, ' '));
    await this.#lock.file.datasync();
  }

  /** The output's own name, and the longest within it. */
  async #tryNames(name: string): Promise<void> {
    const own = join(this.path, name);
    await mkdir(own);
    await mkdir(join(own, longName));
    await rm(own, { recursive: true });
  }

  /** Forgets whose it is, so that it is kept. */
  async keep(): Promise<void> {
    await this.#lock?.release();
  }

  async remove(): Promise<void> {
    // The lock goes last: a folder that is half removed is still known for what it is.
    const names = (await readdir(this.path)).filter((name) => name !== lockName);
    for (const name of names) await rm(join(this.path, name), { recursive: true, force: true });
    await this.#lock?.release();
    await rm(this.path, { recursive: true, force: true });
  }
}

async function lockIn(folder: string): Promise<HeldLock | null> {
  const lock = await takeLock(join(folder, lockName));
  return typeof lock === 'string' ? null : lock;
}

/**
 * Removes what dead runs left of outputs in a folder, and tells of it. What a run of an older moepress left nobody can
 * tell from what one writes: that is only told of.
 */
export async function sweepStagings(
  folder: string,
  name: string,
  progress: Progress | undefined,
): Promise<void> {
  const names: readonly string[] = await readdir(folder).catch(() => []);
  for (const found of names) {
    const path = join(folder, found);
    if (oldName.test(found) && found.startsWith(`${name}${mark}`)) {
      const message = `${path} was left by an older moepress: remove it, unless one is still writing there.`;
      progress?.({ type: 'warning', message });
    }
    if (stagingName.test(found)) await sweep(path, folder, progress).catch(() => {});
  }
}

/** Whether a name is one of a staging folder. */
export const isStagingName = (name: string): boolean => stagingName.test(name);

async function sweep(path: string, folder: string, progress: Progress | undefined): Promise<void> {
  if (!(await isOwn(path)) || !(await lstat(join(path, lockName))).isFile()) return;
  const lock = await takeLock(join(path, lockName), { make: false });
  if (typeof lock === 'string') return;
  const bytes = await folderBytes(path);
  await takeBackMoves(path, folder);
  await lock.release();
  await rm(path, { recursive: true, force: true });
  progress?.({
    type: 'warning',
    message: `Removed ${path} (${bytes} bytes), which an interrupted run had left.`,
  });
}

/** Whether it is a folder and not a link, and of this user. */
async function isOwn(path: string): Promise<boolean> {
  const info = await lstat(path);
  return info.isDirectory() && (process.getuid === undefined || info.uid === process.getuid());
}
