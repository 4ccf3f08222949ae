import { MoepressError } from '@moepress/core/errors';

/** What went wrong while writing `where`: `DISK_FULL`, or `WRITE_FAILED`; our own errors pass. */
export function asWriteError(cause: unknown, where: string): MoepressError {
  if (MoepressError.isInstance(cause)) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MoepressError('DISK_FULL', { message: 'The disk is full.', where, cause });
  }
  return new MoepressError('WRITE_FAILED', {
    message: `The file cannot be written: ${cause instanceof Error ? cause.message : String(cause)}.`,
    where,
    cause,
  });
}

/** The error `CHECKPOINT_INVALID`; `problem` is a sentence without its full stop. */
export function invalidCheckpoint(
  problem: string,
  where: string,
  { hint, cause }: { readonly hint?: string; readonly cause?: unknown } = {},
): MoepressError {
  return new MoepressError('CHECKPOINT_INVALID', { message: `${problem}.`, where, hint, cause });
}
