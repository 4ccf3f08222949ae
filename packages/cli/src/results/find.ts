import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MoepressError } from '@moepress/core';

/** A results file, or the newest one in the folder of a model. Throws `INPUT_INVALID`. */
export async function findResults(path: string): Promise<string> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return path;
  const names = info?.isDirectory() ? await readdir(path) : [];
  // Their names hold the time in an order that sorts.
  const newest = names
    .filter((name) => /^results_.+\.json$/.test(name))
    .sort()
    .at(-1);
  if (newest !== undefined) return join(path, newest);
  throw new MoepressError('INPUT_INVALID', {
    message: info ? 'There are no results in this folder.' : 'There is no such file or folder.',
    where: path,
    mend: 'Give a results_<time>.json that moepress eval --output wrote, or the folder it is in.',
  });
}
