import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MoepressError } from '@moepress/core';

/**
 * A results file, or the newest one in the folder of a model, or in the folder given to `eval --output`, in which each
 * model has a folder of its own. Throws `INPUT_INVALID`, also if several models have one there.
 */
export async function findResults(path: string): Promise<string> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return path;
  const own = await newestIn(path);
  if (own !== null) return own;
  const folders = info?.isDirectory() ? await readdir(path, { withFileTypes: true }) : [];
  const below = await Promise.all(
    folders.filter((entry) => entry.isDirectory()).map(({ name }) => newestIn(join(path, name))),
  );
  const found = below.filter((file) => file !== null).sort();
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new MoepressError('INPUT_INVALID', {
      message: 'There are results of several models in this folder.',
      where: path,
      hint: `Give that of one: ${found.map((file) => join(path, basename(dirname(file)))).join(', ')}.`,
    });
  }
  throw new MoepressError('INPUT_INVALID', {
    message: info ? 'There are no results in this folder.' : 'There is no such file or folder.',
    where: path,
    hint: 'Give a results_<time>.json that an evaluation was saved as, or the folder it is in.',
  });
}

/** Null where there is none, or no folder. */
async function newestIn(folder: string): Promise<string | null> {
  const names = await readdir(folder).catch(() => []);
  // Their names hold the time in an order that sorts.
  const newest = names
    .filter((name) => /^results_.+\.json$/.test(name))
    .sort()
    .at(-1);
  return newest === undefined ? null : join(folder, newest);
}
