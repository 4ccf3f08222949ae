import type { MoepressError } from '@moepress/core';
import type { PlacedTensor } from './file-plan.js';

/** What a thread that converts a share of a file's tensors is given. */
export interface ConvertingStart {
  /** Of the file that is written, which stays open until all threads have ended. */
  readonly descriptor: number;
  /** Those that come from expressions. */
  readonly tensors: readonly PlacedTensor[];
  /** What the threads of a file have in common, by `places`. */
  readonly shared: SharedArrayBuffer;
}

/** Places of 32-bit numbers: of the next stretch that nobody has taken, and of whether all are to stop. */
export const places = { next: 0, stop: 1, count: 2 } as const;

export type ConvertingReply =
  | { readonly written: number }
  | { readonly own: ReturnType<MoepressError['toJSON']> }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } };
