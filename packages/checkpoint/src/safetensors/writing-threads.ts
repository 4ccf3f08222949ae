import { runFileThreads } from '../files/run-file-threads.js';
import { mostTransposedBytes } from '../tensor/transpose.js';
import type { Ways } from './block-writer.js';
import type { Stretch } from './jobs.js';
import type { WritingStart } from './writing-protocol.js';

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./writing-thread.js', import.meta.url);

/** What a thread makes is garbage soon: it collects that early rather than take memory for it. */
const maxYoungGenerationSizeMb = 8;

export interface ThreadedWork {
  /** Into the file that is written. */
  readonly ways: Ways;
  readonly threads: number;
  readonly blockBytes: number;
  /** Bytes of the file that a thread takes at a time. */
  readonly shareBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes that have just been written. */
  readonly wrote: (bytes: number) => void;
}

/**
 * Writes stretches of a file in threads. When this ends, well or not, all of them have ended. When `signal` fires they
 * end early. Throws what reading and writing throw.
 */
export function writeInThreads(
  stretches: readonly Stretch[],
  { ways, threads, blockBytes, shareBytes, signal, wrote }: ThreadedWork,
): Promise<void> {
  const transposedBytes = Math.floor(mostTransposedBytes / threads);
  const own = { ways, stretches, blockBytes, shareBytes, transposedBytes };
  return runFileThreads<WritingStart>({
    ...{ script, threads, signal, wrote },
    startOf: (shared) => ({ ...own, shared }),
    resourceLimits: { maxYoungGenerationSizeMb },
  });
}
