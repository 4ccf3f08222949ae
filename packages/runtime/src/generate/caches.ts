import type { Block, Model } from '@moepress/core';
import { cachedDimOf } from '../decoder/attention/heads.js';
import type { DeviceTraits } from '../devices/traits.js';
import type { Feed, Step } from '../engine/protocol.js';
import type { EngineWorker } from '../engine/worker.js';

/** Where the keys and values of a batch's sequences are from one step to the next. */
export interface Caches {
  /** Makes room for so many sequences. */
  open(worker: EngineWorker, sequences: number): Promise<void>;
  /** What a block is fed for the tokens before. */
  past(block: Block): Record<string, Feed>;
  /** How a step adds the keys and values of its own tokens: `lengths[b]` of them, from `starts[b]` on. */
  adds(
    block: Block,
    starts: readonly number[],
    lengths: readonly number[],
  ): { readonly hold?: Record<string, string>; readonly append?: Step['append'] };
  close(worker: EngineWorker): Promise<void>;
}

const parts = ['Key', 'Value'] as const;
const nameOf = ({ index }: Block, part: (typeof parts)[number]) => `generate/${index}/${part}`;
const byPart = <T>(make: (part: (typeof parts)[number]) => readonly [string, T]): Record<string, T> =>
  Object.fromEntries(parts.map(make));

/** On the device where outputs may stay there; otherwise in the machine's memory, which only new rows are copied to. */
export function cachesFor({ blocks }: Model, { keepsOutputs }: DeviceTraits): Caches {
  const close = (worker: EngineWorker) =>
    worker.drop(blocks.flatMap((block) => parts.map((part) => nameOf(block, part))));
  if (keepsOutputs) {
    return {
      async open() {},
      past: (block) => byPart((part) => [`past${part}`, { held: nameOf(block, part) }]),
      adds: (block) => ({ hold: byPart((part) => [`present${part}`, nameOf(block, part)]) }),
      close,
    };
  }
  return {
    async open(worker, sequences) {
      for (const block of blocks) {
        const shape = {
          sequences,
          kvHeads: block.attention.kvHeads,
          headDim: cachedDimOf(block.attention),
        };
        for (const part of parts) await worker.cache(nameOf(block, part), shape);
      }
    },
    past: (block) => byPart((part) => [`past${part}`, { cache: nameOf(block, part) }]),
    adds: (block, starts, lengths) => ({
      append: parts.map((part) => ({ output: `own${part}`, cache: nameOf(block, part), starts, lengths })),
    }),
    close,
  };
}
