import type { Block, Model } from '@moepress/core';
import { paddedDimOf } from '../../decoder/attention/heads.js';
import type { DeviceTraits } from '../../devices/traits.js';
import type { Feed, Step } from '../../engine/protocol.js';
import type { EngineWorker } from '../../engine/worker.js';
import { blockFeeds, type HeldBatch, hiddenName } from '../../forward/held.js';
import type { Layout } from '../../forward/layout.js';
import { pastFeeds } from '../../forward/past.js';

/** The keys and values of a batch's sequences, from one token to the next. */
export interface Caches {
  /** Makes room for so many sequences. */
  open(worker: EngineWorker, sequences: number): Promise<void>;
  /**
   * Takes a batch through a block whose session has `cache` outputs, and keeps the keys and values of its tokens;
   * `past` counts those before it. Fetches `finite`.
   */
  step(session: string, block: Block, batch: HeldBatch, past: readonly number[] | null): Step;
  close(worker: EngineWorker): Promise<void>;
}

const parts = ['Key', 'Value'] as const;
type Part = (typeof parts)[number];

/** Where the keys and values are: what a block is fed, and how a step adds its own. */
interface Place {
  past(part: Part): Feed;
  adds(starts: readonly number[], layout: Layout): Pick<Step, 'hold' | 'append'>;
}

/**
 * On the device where outputs may stay there; otherwise in the machine's memory, which only new rows are copied to.
 * `name` tells those of several batches apart.
 */
export function cachesFor(name: string, { blocks }: Model, { keepsOutputs }: DeviceTraits): Caches {
  const nameOf = ({ index }: Block, part: Part) => `${name}/${index}/${part}`;
  const placeOf = (block: Block) => (keepsOutputs ? onDevice : inMemory)((part) => nameOf(block, part));
  return {
    async open(worker, sequences) {
      if (keepsOutputs) return;
      for (const block of blocks) {
        const { kvHeads } = block.attention;
        const shape = { sequences, kvHeads, headDim: paddedDimOf(block.attention) };
        for (const part of parts) await worker.cache(nameOf(block, part), shape);
      }
    },
    step(session, block, batch, past) {
      const lengths = [...batch.layout.lengths];
      const place = placeOf(block);
      const earlier = past
        ? Object.fromEntries(parts.map((part) => [`past${part}`, place.past(part)]))
        : pastFeeds(batch, block, { attention: 'padded' });
      const { hold, append } = place.adds(past ?? lengths.map(() => 0), batch.layout);
      return {
        session,
        feeds: { ...blockFeeds(batch, block), ...earlier },
        fetch: ['finite'],
        hold: { hiddenOut: hiddenName(batch), ...hold },
        append,
      };
    },
    close: (worker) => worker.drop(blocks.flatMap((block) => parts.map((part) => nameOf(block, part)))),
  };
}

const onDevice = (nameOf: (part: Part) => string): Place => ({
  past: (part) => ({ held: nameOf(part) }),
  adds: () => ({ hold: Object.fromEntries(parts.map((part) => [`present${part}`, nameOf(part)])) }),
});

const inMemory = (nameOf: (part: Part) => string): Place => ({
  past: (part) => ({ cache: nameOf(part) }),
  adds: (starts, { lengths }) => {
    const longest = Math.max(...lengths);
    const rows = (b: number) => Int32Array.from({ length: lengths[b]! }, (_, t) => b * longest + t);
    const tokens = starts.map((start, sequence) => ({ sequence, start, rows: rows(sequence) }));
    return {
      append: parts.map((part) => ({
        output: `own${part}`,
        cache: nameOf(part),
        headsFirst: false,
        parts: tokens,
      })),
    };
  },
});
