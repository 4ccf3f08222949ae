import { link, lstat, open, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Progress } from '@moepress/core';
import { asWriteError } from '../files/file-errors.js';
import type { HeldLock } from '../files/lock.js';
import { claim, lockPath } from './claim.js';
import { syncFolder } from './moves.js';
import { lookAt, makeOutputFolder, occupied } from './place.js';
import { type Claimed, giveBack, giveUp, settle } from './settle.js';
import { Staging, sweepStagings } from './staging.js';

export interface FileOutputOptions {
  /** Replaces a file that is there, whatever it is. */
  readonly force?: boolean | undefined;
  /** Whether a file that is there holds what an earlier run wrote as such an output, so that it may be replaced. */
  readonly isOwn: (file: string) => Promise<boolean>;
  readonly progress?: Progress | undefined;
}

interface ClaimedFile extends Claimed {
  /** Whether the file was there. */
  readonly isThere: boolean;
}

/**
 * A file that a run is going to write. It is kept to this run from the beginning, when all is tried that could fail in
 * the end, and is there whole or not at all when it is committed. A link at the path stays, and its file is written.
 */
export class FileOutput {
  /** The path as the user gave it. */
  readonly out: string;
  /** The path to write to, where no file exists yet. */
  readonly path: string;
  readonly #claimed: ClaimedFile;
  readonly #options: FileOutputOptions;
  #isOpen = true;

  private constructor(out: string, claimed: ClaimedFile, options: FileOutputOptions) {
    this.out = out;
    this.#claimed = claimed;
    this.#options = options;
    this.path = join(claimed.staging.path, basename(claimed.target));
  }

  /**
   * Throws `OUTPUT_EXISTS` if something is at `out` that is not to be replaced, `OUTPUT_BUSY` while another run writes
   * there, `DISK_FULL` or `WRITE_FAILED` where it cannot be written.
   */
  static async claim(out: string, options: FileOutputOptions): Promise<FileOutput> {
    return new FileOutput(out, await claimFile(out, options), options);
  }

  /** Puts the file in its place. What cannot be put there is kept beside it: throws `OUTPUT_EXISTS`, saying where. */
  async commit(): Promise<void> {
    const { target, isThere } = this.#claimed;
    this.#isOpen = false;
    await settle(this.#claimed, this.path, async () => {
      if (isThere) {
        await checkReplaceable(target, this.#options);
        await replace(this.path, target);
      } else {
        await putNew(this.path, target);
      }
      await syncFolder(dirname(target)).catch(() => {});
    });
  }

  /** Leaves everything as it was, unless the file has been committed. */
  async abandon(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await giveUp(this.#claimed);
  }
}

async function claimFile(out: string, options: FileOutputOptions): Promise<ClaimedFile> {
  const { path: target, kind } = await lookAt(out);
  if (kind === 'folder')
    throw occupied('There is a folder at the output path', target, 'Give the name of a file.');
  const isThere = kind === 'file';
  if (isThere) await checkReplaceable(target, options);
  const made = await makeOutputFolder(dirname(target));
  const name = basename(target);
  try {
    const own = await claimBeside(made.path, name, { target, isThere, ...options });
    return { ...own, target: join(made.path, name), made, isThere };
  } catch (cause) {
    await made.takeBack();
    throw asWriteError(cause, target);
  }
}

/** A file that is there and can be written, in a folder that takes no others, is made elsewhere and copied over it. */
async function claimBeside(
  folder: string,
  name: string,
  { target, isThere, progress }: FileOutputOptions & { target: string; isThere: boolean },
): Promise<{ staging: Staging; locks: HeldLock[] }> {
  const locks: HeldLock[] = [];
  try {
    const lock = await claim(lockPath(folder, name), target, progress);
    if (lock) locks.push(lock);
    await sweepStagings(folder, name, progress);
    return { staging: await Staging.make(folder, name), locks };
  } catch (cause) {
    await giveBack(locks, null);
    if (!isThere || !isRefused(cause)) throw cause;
    await (await open(target, 'r+')).close();
    return { staging: await Staging.make(tmpdir(), name), locks: [] };
  }
}

/** Whether a folder takes no new files, of whatever there is in it. */
function isRefused(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return true;
  const inner = (cause as Error).cause;
  return inner !== undefined && isRefused(inner);
}

/** An empty file, such as `mktemp` makes, contains nobody's work. */
async function checkReplaceable(file: string, { force, isOwn }: FileOutputOptions): Promise<void> {
  const info = await lstat(file).catch(() => null);
  if (force || info === null || info.size === 0 || (await isOwn(file))) return;
  throw occupied(
    'There is a file of another kind at the output path',
    file,
    'Choose another name, or give `force` to replace the file.',
  );
}

/** Renames a file unless there is one by now. */
async function putNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === 'EEXIST' || (await exists(to));
    if (isTaken) throw cause;
    // A disk without links.
    await rename(from, to);
  }
}

const exists = async (path: string): Promise<boolean> => (await lstat(path).catch(() => null)) !== null;

/** Puts a file in the place of another, which stays the same file where it is a mount point or cannot be renamed onto. */
async function replace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined || !['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS'].includes(code)) throw cause;
    await copyOver(from, to);
  }
}

async function copyOver(from: string, to: string): Promise<void> {
  const bytes = await readFile(from);
  const file = await open(to, 'r+');
  try {
    await file.truncate(0);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
