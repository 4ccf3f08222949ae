import { runFileThreads } from '@moepress/checkpoint';
import type { ConvertingStart } from './converting-protocol.js';
import type { PlacedTensor } from './file-plan.js';

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./converting-thread.js', import.meta.url);

/** One reads or converts while the other writes, and quantisers keep both busy. */
const threads = 2;

export interface ThreadedConversion {
  /** Of the file that is written. */
  readonly descriptor: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes that have just been written. */
  readonly wrote: (bytes: number) => void;
}

/**
 * Converts and writes tensors that come from expressions, in threads. When this ends, well or not, all of them have ended; when
 * `signal` fires they end early. Throws what converting and writing throw.
 */
export function convertInThreads(
  tensors: readonly PlacedTensor[],
  { descriptor, signal, wrote }: ThreadedConversion,
): Promise<void> {
  return runFileThreads<ConvertingStart>({
    ...{ script, threads, signal, wrote },
    startOf: (shared) => ({ descriptor, tensors, shared }),
  });
}
