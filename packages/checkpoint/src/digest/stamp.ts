import { stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

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
