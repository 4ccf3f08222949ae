import { deadTemporaries, sweepTemporary } from '@moepress/checkpoint';
import { clearRuns, type EvidenceStore, type Leftover, unfinishedRuns } from '@moepress/runtime';

/** What a run that is not complete keeps, or kept until it was killed. */
export interface Left extends Leftover {
  readonly what: string;
}

interface Leftovers {
  list(store: EvidenceStore): Promise<Left[]>;
  /** Removes what no run uses, and tells what went. */
  clear(store: EvidenceStore): Promise<Left[]>;
}

const as = (what: string, left: readonly Leftover[]): Left[] => left.map((one) => ({ what, ...one }));

const measuring = 'measuring';
const training = 'training';
const temporary = 'temporary files';
/** Prefixes of temporary folders. */
const prefixes = ['moepress-scratch-', 'moepress-demo-', 'moepress-training-'];

/** Leftovers in a store. */
export const ofStore: Leftovers = {
  list: async (store) => as(measuring, await store.scratch()),
  clear: async (store) => as(measuring, await store.clearScratch()),
};

/** Leftovers in the default places. */
export const everyLeftover: Leftovers = {
  list: async (store) => [
    ...(await ofStore.list(store)),
    ...as(training, await unfinishedRuns()),
    ...(await temporaries()),
  ],
  async clear(store) {
    const dead = await temporaries();
    for (const prefix of prefixes) await sweepTemporary(prefix);
    return [...(await ofStore.clear(store)), ...as(training, await clearRuns()), ...dead];
  },
};

async function temporaries(): Promise<Left[]> {
  const found = await Promise.all(prefixes.map((prefix) => deadTemporaries(prefix)));
  return as(
    temporary,
    found.flat().map((one) => ({ ...one, isUsed: false })),
  );
}
