import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { MoepressError } from '@moepress/core/errors';

/** Places of 32-bit numbers that the threads of a file share: of the next part that nobody has taken, and of whether all are to stop. */
export const turns = { next: 0, stop: 1, count: 2 } as const;

/** What a thread that writes a share of a file tells. */
export type FileThreadReply =
  | { readonly written: number }
  | { readonly own: ReturnType<MoepressError['toJSON']> }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } };

/** Runs the work of a thread that `runFileThreads` has started, and tells how far it is and what it throws. */
export async function answerWith(work: (wrote: (bytes: number) => void) => Promise<void>): Promise<void> {
  const tell = (reply: FileThreadReply) => parentPort!.postMessage(reply);
  try {
    await work((written) => tell({ written }));
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const own = MoepressError.isInstance(error);
    tell(own ? { own: error.toJSON() } : { failure: { message: String(message), code } });
  }
}

/** Writes all of `bytes`, however few the system takes at a time. */
export function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.byteLength) {
    done += writeSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
  }
}
