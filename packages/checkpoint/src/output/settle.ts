import type { HeldLock } from '../locks/lock.js';
import { keepFinished } from './keep.js';
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
