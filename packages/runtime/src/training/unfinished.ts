import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { clearLeftover, type Leftover, readLeftover } from '../evidence/lock.js';
import { defaultRunsRoot } from '../evidence/root.js';
import { learnedName } from './run-folder.js';

const runName = /^training-[0-9a-f]{16}$/;

/** Training runs in a folder that are not complete, whether they are running or were killed. */
export async function unfinishedRuns(root: string = defaultRunsRoot()): Promise<Leftover[]> {
  const names = await readdir(root).catch(() => []);
  const folders = names.filter((name) => runName.test(name)).map((name) => join(root, name));
  return Promise.all(folders.filter((folder) => !existsSync(join(folder, learnedName))).map(readLeftover));
}

/** Removes those that were killed. Returns what went. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function clearRuns(root: string = defaultRunsRoot()): Promise<Leftover[]> {
  const cleared: Leftover[] = [];
  for (const run of await unfinishedRuns(root)) if (await clearLeftover(run.folder)) cleared.push(run);
  return cleared;
}
