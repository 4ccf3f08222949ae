import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** Names of entries in one folder. */
const plainName = z.string().regex(/^(?!\.{1,2}$)[^/\\\0]+$/);
const journalSchema = z.strictObject({ come: z.array(plainName), go: z.array(plainName) });

/** The entries to move into a folder, and those it had before, which are removed. */
type Moves = z.infer<typeof journalSchema>;

const journalName = 'moves.json';
const oldFolder = 'old';

/**
 * Moves all that lies in `from` into `folder`, the names in `last` at the end, and what was in `folder` under the names
 * in `go` into the staging folder. The moves are noted first, so that those of a run that is killed between two of them
 * can be taken back; they are taken back here too if one fails, which is thrown as the system says it.
 */
export async function moveInto(
  folder: string,
  {
    staging,
    from,
    go,
    last,
  }: { staging: string; from: string; go: readonly string[]; last: readonly string[] },
): Promise<void> {
  const names = await readdir(from);
  const come = [
    ...names.filter((name) => !last.includes(name)),
    ...last.filter((name) => names.includes(name)),
  ];
  await note(staging, { come, go: [...go] });
  await mkdir(join(staging, oldFolder));
  try {
    for (const name of go) await rename(join(folder, name), join(staging, oldFolder, name));
    for (const name of come) await rename(join(from, name), join(folder, name));
    await syncFolder(folder);
  } catch (cause) {
    await takeBackMoves(staging, folder);
    throw cause;
  }
}

/**
 * Takes back the moves into `folder` that a run noted in its staging folder, unless all of them were made. What it
 * brought lies in the staging folder again then, what was there before is where it was.
 */
export async function takeBackMoves(staging: string, folder: string): Promise<void> {
  const moves = await noted(staging);
  if (!moves) return;
  const from = await contentOf(staging);
  const waiting = new Set(from === null ? [] : await readdir(from));
  if (from === null || waiting.size === 0) return;
  for (const name of moves.come.filter((one) => !waiting.has(one))) {
    await rename(join(folder, name), join(from, name)).catch(() => {});
  }
  const old = join(staging, oldFolder);
  const gone: readonly string[] = await readdir(old).catch(() => []);
  for (const name of moves.go.filter((one) => gone.includes(one))) {
    await rename(join(old, name), join(folder, name));
  }
  await rm(join(staging, journalName), { force: true });
  await rm(old, { recursive: true, force: true });
}

export const contentName = 'content';

async function contentOf(staging: string): Promise<string | null> {
  const names = await readdir(staging);
  return names.includes(contentName) ? join(staging, contentName) : null;
}

async function note(staging: string, moves: Moves): Promise<void> {
  const file = await open(join(staging, journalName), 'wx');
  try {
    await file.writeFile(JSON.stringify(moves));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Null if there is none that makes sense: then nothing has been moved. */
async function noted(staging: string): Promise<Moves | null> {
  try {
    return journalSchema.parse(JSON.parse(await readFile(join(staging, journalName), 'utf8')));
  } catch {
    return null;
  }
}

/** Flushes a folder's list of names. Windows cannot, and keeps it safe by itself. */
export async function syncFolder(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
