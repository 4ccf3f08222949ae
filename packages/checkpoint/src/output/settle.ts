import { mkdtemp, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MoepressError } from '@moepress/core';
import type { HeldLock } from '../files/lock.js';
import { fitting } from '../files/replace-file.js';
import { contentName } from './moves.js';
import type { MadeFolders } from './place.js';
import type { Staging } from './staging.js';

/** What a run has of an output that it is going to write. */
export interface Claimed {
  /** Links resolved. */
  readonly target: string;
  readonly staging: Staging;
  readonly locks: readonly HeldLock[];
  /** Folders that were made for it; null where it was there. */
  readonly made: MadeFolders | null;
}

/** Ends an output whose `content` `put` puts in its place; what cannot be put there is kept, see `keepFinished`. */
export async function settle(
  { target, staging, locks }: Claimed,
  content: string,
  put: () => Promise<void>,
): Promise<void> {
  try {
    await put();
  } catch (cause) {
    throw await keepFinished(staging, content, target, cause);
  } finally {
    await giveBack(locks, null);
  }
  await staging.remove().catch(() => {});
}

/** Ends an output as if it had never begun. */
export async function giveUp({ staging, locks, made }: Claimed): Promise<void> {
  // What went wrong first is what the user must hear of.
  await staging.remove().catch(() => {});
  await giveBack(locks, made);
}

/** Releases locks, and takes back folders that were made. */
export async function giveBack(locks: readonly HeldLock[], made: MadeFolders | null): Promise<void> {
  for (const lock of locks) await lock.release().catch(() => {});
  await made?.takeBack();
}

const mark = '.finished-';

/**
 * What has been made and could not be put where it belongs is kept beside that: never is it removed because of its
 * last step. Returns the error that says where it is.
 */
async function keepFinished(
  staging: Staging,
  content: string,
  out: string,
  cause: unknown,
): Promise<MoepressError> {
  const where = await moveAside(staging, content);
  return new MoepressError('OUTPUT_EXISTS', {
    message: `The output is complete, but cannot be moved to its place (${(cause as Error).message}): it is kept as ${where}.`,
    where: out,
    hint: 'Move it to the intended place.',
    cause,
  });
}

async function moveAside(staging: Staging, content: string): Promise<string> {
  try {
    const name = basename(staging.path).replace(/\.partial-.{6}$/, '');
    const folder = await mkdtemp(join(dirname(staging.path), `${fitting(name, mark.length + 6)}${mark}`));
    const kept = join(folder, basename(content) === contentName ? name || contentName : basename(content));
    await rename(content, kept);
    await staging.remove();
    return kept;
  } catch {
    await staging.keep();
    return content;
  }
}
