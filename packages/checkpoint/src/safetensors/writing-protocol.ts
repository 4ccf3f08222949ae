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
