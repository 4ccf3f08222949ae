import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { MoepressError, Progress } from '@moepress/core';
import { asWriteError } from '../files/file-errors.js';
import type { HeldLock } from '../files/lock.js';
import { claim, folderLockPath, isLockName, lockPath } from './claim.js';
import { lookAt, makeOutputFolder, occupied } from './place.js';
import { type Claimed, giveBack } from './settle.js';
import { isStagingName, Staging, sweepStagings } from './staging.js';

export interface FolderOutputOptions {
  /** Replaces a folder that `isOwn` says yes of; whatever else is there is never replaced. */
  readonly force?: boolean | undefined;
  /** Whether a folder that is there holds what an earlier run wrote as such an output. */
  readonly isOwn?: ((folder: string) => Promise<boolean>) | undefined;
  readonly progress?: Progress | undefined;
}

export interface ClaimedFolder extends Claimed {
  /** Names in a folder that was there, which go; null where there was none. */
  readonly replaced: readonly string[] | null;
}

/** Throws as `FolderOutput.claim`. */
export async function claimFolder(out: string, options: FolderOutputOptions): Promise<ClaimedFolder> {
  const { path, kind } = await lookAt(out);
  if (kind === 'file') throw occupied('There is a file at the output path', path);
  return kind === 'folder' ? claimWithin(path, options) : claimBeside(path, options);
}

/** The output path does not exist: the folder is made next to it. */
async function claimBeside(target: string, { progress }: FolderOutputOptions): Promise<ClaimedFolder> {
  const made = await makeOutputFolder(dirname(target));
  const name = basename(target);
  const locks: HeldLock[] = [];
  try {
    locks.push(...held(await claim(lockPath(made.path, name), target, progress)));
    await sweepStagings(made.path, name, progress);
    // Another run may have ended in between.
    if ((await lookAt(target)).kind !== 'nothing') throw occupied(something, target);
    const staging = await Staging.make(made.path, name);
    return { target: join(made.path, name), staging, locks, made, replaced: null };
  } catch (cause) {
    await giveBack(locks, made);
    throw asWriteError(cause, target);
  }
}

/** The folder exists, perhaps as a mount point, a link, or in a read-only folder: its files are made inside it. */
async function claimWithin(folder: string, options: FolderOutputOptions): Promise<ClaimedFolder> {
  const { progress } = options;
  // Before anything is touched, unless a killed run may have left what is there.
  const before = await contentOf(folder);
  if (before.length > 0 && !before.some(isStagingName)) {
    await sweepBeside(folder, progress);
    await checkReplaceable(folder, options);
  }
  const locks: HeldLock[] = [];
  try {
    locks.push(...held(await claim(folderLockPath(folder), folder, progress)));
    locks.push(...(await lockBeside(folder)));
    await sweepStagings(folder, stagedName, progress);
    const replaced = await contentOf(folder);
    if (replaced.length > 0) await checkReplaceable(folder, options);
    const staging = await Staging.make(folder, stagedName);
    return { target: folder, staging, locks, made: null, replaced };
  } catch (cause) {
    await giveBack(locks, null);
    throw asWriteError(cause, folder);
  }
}

const something = 'The output path is not empty';
/** The staging folder inside an existing folder is hidden. */
const stagedName = '.moepress';
/** Entries of a disk's root folder that exist before anybody writes to it. */
const ofDisks = new Set(['lost+found']);

/** Names in a folder, without those that are of the writing. Throws `WRITE_FAILED` for one that cannot be read. */
export async function contentOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause) => {
    throw asWriteError(cause, folder);
  });
  return names.filter((name) => !ofDisks.has(name) && !isLockName(name));
}

async function checkReplaceable(folder: string, { force, isOwn }: FolderOutputOptions): Promise<void> {
  if (!force) throw occupied(something, folder);
  if (await isOwn?.(folder)) return;
  throw strange(
    folder,
    'Choose another output folder: with `force` too, moepress replaces its own folders alone.',
  );
}

/** `OUTPUT_EXISTS` for a folder that holds something else. */
export const strange = (folder: string, hint?: string): MoepressError =>
  occupied(
    'The folder at the output path holds something else than what moepress would write there',
    folder,
    hint,
  );

/** Removes what a run left beside the folder that was killed when it had put it there. */
async function sweepBeside(folder: string, progress: Progress | undefined): Promise<void> {
  await giveBack(await lockBeside(folder), null);
  await sweepStagings(dirname(folder), basename(folder), progress);
}

/** A run that began before the folder was there has the lock beside it. */
async function lockBeside(folder: string): Promise<HeldLock[]> {
  const parent = dirname(folder);
  if (parent === folder) return [];
  try {
    return held(await claim(lockPath(parent, basename(folder)), folder, undefined));
  } catch (cause) {
    // Where nothing can be written beside it, no run has done so.
    if ((cause as { code?: string }).code === 'OUTPUT_BUSY') throw cause;
    return [];
  }
}

const held = (lock: HeldLock | null): HeldLock[] => (lock ? [lock] : []);
