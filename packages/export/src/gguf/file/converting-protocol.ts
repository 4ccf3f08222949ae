import type { PlacedTensor } from './file-plan.js';

/** What a thread that converts a share of a file's tensors is given. */
export interface ConvertingStart {
  /** Of the file that is written, which stays open until all threads have ended. */
  readonly descriptor: number;
  /** Those that come from expressions. */
  readonly tensors: readonly PlacedTensor[];
  /** What the threads of a file have in common, by `turns`. */
  readonly shared: SharedArrayBuffer;
}
