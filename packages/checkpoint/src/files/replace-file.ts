import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asWriteError } from './file-errors.js';
import { lockDescriptor } from './lock.js';

/** What file systems allow a name. */
const maxNameBytes = 255;
const mark = '.partial-';
const hexDigits = 12;
const partialName = /\.partial-[0-9a-f]{12}$/;

/** Whether a name is that of a file that is or was being written. */
export const isPartialName = (name: string): boolean => partialName.test(name);

/** Folders in which this process has removed what dead ones left. */
const swept = new Set<string>();

/** The beginning of a name that leaves room for `bytes` more. */
export function fitting(name: string, bytes: number): string {
  let kept = name;
  while (Buffer.byteLength(kept) + bytes > maxNameBytes) kept = [...kept].slice(0, -1).join('');
  return kept;
}

/**
 * Opens a new file beside `path`, to be renamed to it, under a name that nobody has had. It is locked while it is open,
 * so that other processes tell it from what a dead one left; that is removed here, once for each folder. Throws what
 * the system says.
 */
export async function openPartial(path: string): Promise<{ partial: string; file: FileHandle }> {
  const folder = dirname(path);
  if (!swept.has(folder)) {
    swept.add(folder);
    await sweepPartials(folder);
  }
  for (;;) {
    const partial = newPartial(path);
    const file = await open(partial, 'wx');
    // Who sweeps between the two may have it: then it goes with them.
    const isOurs = lockDescriptor(file.fd) !== 'busy' && (await file.stat()).nlink > 0;
    if (isOurs) return { partial, file };
    await file.close();
  }
}

/** A new name for a file that is to be renamed to `path`. */
export function newPartial(path: string): string {
  const stem = fitting(basename(path), mark.length + hexDigits);
  return join(dirname(path), `${stem}${mark}${randomBytes(hexDigits / 2).toString('hex')}`);
}

/** Removes the files in a folder that processes were writing which are dead. */
export async function sweepPartials(folder: string): Promise<void> {
  const names: readonly string[] = await readdir(folder).catch(() => []);
  for (const name of names) if (partialName.test(name)) await removeDead(join(folder, name)).catch(() => {});
}

async function removeDead(path: string): Promise<void> {
  if (!(await lstat(path)).isFile()) return;
  const file = await open(path, constants.O_RDWR | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0));
  try {
    if (lockDescriptor(file.fd) === 'ours') await rm(path, { force: true });
  } finally {
    await file.close();
  }
}

/**
 * Writes a file so that it is there whole or not at all: under another name first, flushed to the
 * disk, then renamed. On any failure nothing is left behind, and what a killed process left in the folder is removed.
 * Of several writers at once, in this process or on machines that share the folder, the last one to end wins. Throws
 * `DISK_FULL` or `WRITE_FAILED`, and passes on what `write` throws of our own.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  let made: string | undefined;
  try {
    const { partial, file } = await openPartial(path);
    made = partial;
    try {
      await write(file);
      await file.sync();
      // While it is open and so locked.
      await rename(partial, path);
    } finally {
      await file.close();
    }
  } catch (cause) {
    // What went wrong first is what the user must hear of.
    if (made !== undefined) await rm(made, { force: true }).catch(() => {});
    throw asWriteError(cause, path);
  }
}
