import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseJson, sha256 } from '@moepress/core';
import { z } from 'zod';
import { makeFolders } from '../files/folders.js';
import { replaceFile } from '../files/replace-file.js';

/**
 * What the file system says of a file that changes whenever its bytes do, as decimal numbers: bytes, nanoseconds
 * since 1970 of the last change of its content and of its inode, and the number of the inode. Programs can set
 * the first time back, but not the second.
 */
export interface Stamp {
  readonly size: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly ino: string;
}

/** Throws what `stat` throws. */
export async function stampOf(path: string): Promise<Stamp> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
  return { size: `${size}`, mtimeNs: `${mtimeNs}`, ctimeNs: `${ctimeNs}`, ino: `${ino}` };
}

export const isSameStamp = (a: Stamp, b: Stamp): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino;

/** Milliseconds for which a file system may give two changes the same time: kernels count in ticks of 10 at most. */
const tick = 20;
/** The same for one that keeps whole seconds, or two as FAT does. */
const coarseTick = 2000;

/**
 * The stamp of a file, once any later change is bound to get another time: waits out the tick of the clock in which
 * it was last changed. False where that takes too long because the clock of the file system is ahead of ours.
 */
export async function settledStamp(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly stamp: Stamp; readonly isSettled: boolean }> {
  const stamp = await stampOf(path);
  const wait = unsettledFor(stamp);
  if (wait === 0) return { stamp, isSettled: true };
  // Timers may go off a millisecond early.
  await setTimeout(Math.min(wait, coarseTick) + 2, undefined, { signal });
  const later = await stampOf(path);
  return { stamp: later, isSettled: unsettledFor(later) === 0 };
}

/** Milliseconds until a change would get another time. */
function unsettledFor({ ctimeNs }: Stamp): number {
  const changed = BigInt(ctimeNs);
  const granularity = changed % 1_000_000_000n === 0n ? coarseTick : tick;
  return Math.max(0, Number(changed / 1_000_000n) + granularity - Date.now());
}

const decimal = z.string().regex(/^-?\d+$/);

const recordSchema = z.strictObject({
  format: z.literal('moepress-digest'),
  version: z.literal(1),
  path: z.string(),
  stamp: z.strictObject({ size: decimal, mtimeNs: decimal, ctimeNs: decimal, ino: decimal }),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** The digest of a file, valid as long as the file system reports `stamp` for it. */
export interface KnownDigest {
  readonly stamp: Stamp;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** The stored record for the file at `path`; null if there is none or it is damaged. */
export async function readDigest(folder: string, path: string): Promise<KnownDigest | null> {
  try {
    const record = recordSchema.parse(parseJson(await readFile(recordFile(folder, path), 'utf8')));
    return record.path === path ? record : null;
  } catch {
    return null;
  }
}

/** Keeps what is known of the file at `path`, whole or not at all. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function writeDigest(
  folder: string,
  path: string,
  { stamp, sha256 }: KnownDigest,
): Promise<void> {
  const file = recordFile(folder, path);
  await makeFolders(folder);
  const record = { format: 'moepress-digest', version: 1, path, stamp, sha256 };
  await replaceFile(file, (handle) => handle.writeFile(`${JSON.stringify(record)}\n`));
}

/** A file for each path, so that processes that hash different files never write one. */
const recordFile = (folder: string, path: string): string =>
  join(folder, `${sha256(path).slice(0, 32)}.json`);

/**
 * The SHA-256 that a file of the Hugging Face cache is named by, as large files of the Hub are; null for any other
 * file. `path` has its links resolved.
 */
export function blobDigest(path: string): string | null {
  const name = basename(path);
  const folder = dirname(path);
  const isBlob = basename(folder) === 'blobs' && /^(models|datasets)--/.test(basename(dirname(folder)));
  return isBlob && /^[0-9a-f]{64}$/.test(name) ? name : null;
}
