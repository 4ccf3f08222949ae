import type { Progress, ProgressEvent } from '@moepress/core';

/** Ends work at its first prediction of memory, which comes before anything is computed. */
class Foreseen extends Error {}

export interface Foresight {
  /** Bytes of anonymous memory that the process takes at most; 0 where nothing was predicted. */
  readonly memory: number;
  /** What the last task that began counts in all; 0 where none did. */
  readonly total: number;
}

/**
 * Begins work and ends it when it says what memory it takes. So the prediction is the one that the work itself makes. Throws what
 * it throws before that, such as `MEMORY_EXCEEDED`.
 */
export async function foresee(begin: (progress: Progress) => Promise<unknown>): Promise<Foresight> {
  let [memory, total] = [0, 0];
  const progress = (event: ProgressEvent) => {
    if (event.type === 'start') total = event.total;
    if (event.type !== 'memory') return;
    memory = event.predicted;
    throw new Foreseen();
  };
  try {
    await begin(progress);
  } catch (error) {
    if (!(error instanceof Foreseen)) throw error;
  }
  return { memory, total };
}
