import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '@moepress/core';
import { z } from 'zod';
import { makeFolders } from '../files/folders.js';
import { replaceFile } from '../files/replace.js';
import type { Stamp } from './stamp.js';

const decimal = z.string().regex(/^-?\d+$/);

const recordSchema = z.strictObject({
  format: z.literal('moepress-digest'),
  version: z.literal(1),
  path: z.string(),
  stamp: z.strictObject({ size: decimal, mtimeNs: decimal, ctimeNs: decimal, ino: decimal }),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What a file was found to hold when the file system said `stamp` of it. */
export interface KnownDigest {
  readonly stamp: Stamp;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** What is known of the file at `path`; null if nothing is, or nothing that makes sense. */
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
  join(folder, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`);
