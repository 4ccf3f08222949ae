import type { MoepressError } from '@moepress/core/errors';
import type { Ways } from './block-writer.js';
import type { Stretch } from './jobs.js';

/** What a thread that writes a share of a file is given. */
export interface WritingStart {
  /** Into the file that is written; they stay open until all threads have ended. */
  readonly ways: Ways;
  readonly stretches: readonly Stretch[];
  readonly blockBytes: number;
  /** Bytes of matrices that this thread may keep to be transposed. */
  readonly transposedBytes: number;
  /** Bytes of the file that a thread takes at a time. */
  readonly shareBytes: number;
  /** What the threads of a file have in common, by `turns`. */
  readonly shared: SharedArrayBuffer;
}

/** Places of 32-bit numbers: of the next share of the file that nobody has taken, and of whether all are to stop. */
export const turns = { next: 0, stop: 1, count: 2 } as const;

export type WritingReply =
  | { readonly written: number }
  | { readonly own: ReturnType<MoepressError['toJSON']> }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } };
