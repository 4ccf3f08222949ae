import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { asWriteError } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';

/** Throws `OUTPUT_EXISTS` unless nothing, or an empty folder, is at `out`. */
export async function checkFree(out: string): Promise<void> {
  const info = await stat(out).catch(() => null);
  if (info === null) return;
  if (info.isDirectory() && (await readdir(out)).length === 0) return;
  throw new MoepressError('OUTPUT_EXISTS', { message: 'There is something at the output path.', where: out });
}

/**
 * Makes the folder `out` appear whole or not at all: `fill` writes into a sibling folder, which is
 * renamed when everything is on the disk and removed if anything fails. Returns what `fill` returns.
 * Throws `OUTPUT_EXISTS` before any work; `DISK_FULL` or `WRITE_FAILED`; what `fill` throws of our own.
 */
export async function createFolder<T>(out: string, fill: (directory: string) => Promise<T>): Promise<T> {
  const target = resolve(out);
  await checkFree(target);
  const partial = `${target}.partial-${process.pid}`;
  try {
    await mkdir(partial, { recursive: true });
    const result = await fill(partial);
    await sync(partial);
    // Only an empty folder can be here, and not every platform renames onto one.
    await rmdir(target).catch(() => {});
    await rename(partial, target);
    await sync(dirname(target));
    return result;
  } catch (cause) {
    // What went wrong first is what the user must hear of.
    await rm(partial, { recursive: true, force: true }).catch(() => {});
    throw asWriteError(cause, target);
  }
}

/** Flushes a folder's list of names. Windows cannot, and keeps it safe by itself. */
async function sync(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
