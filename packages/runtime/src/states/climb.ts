import { type Block, type Model, throwIfAborted, type Work } from '@moepress/core';
import type { BlockOutputs } from '../decoder/block.js';
import type { Engine } from '../engine/engine.js';
import type { Results } from '../engine/protocol.js';
import { runBlock, streamedBlocks } from '../forward/blocks.js';
import { embedEach } from '../forward/embed.js';
import type { HeldBatch } from '../forward/held.js';
import { hiddenKey } from './keys.js';
import { type BatchStates, heldName } from './states.js';

/** Takes a batch through the block; what it fetches and holds besides the hidden states is up to the pass. */
export type RunBatch = (options?: {
  fetch?: readonly string[];
  hold?: Record<string, string>;
}) => Promise<Results[number]>;

/** Calls `use` once for each batch, which must call `run` once; the results are in the order of the batches. */
export type EachBatch = <R>(
  use: (batch: HeldBatch, run: RunBatch, index: number) => Promise<R>,
) => Promise<R[]>;

export interface Climb extends Pick<Work, 'signal'> {
  /** The block to begin with, where the batches are; null: they have yet to be embedded. */
  readonly from: number | null;
  /** What the blocks' graphs yield besides hidden states. */
  readonly outputs?: (block: Block) => BlockOutputs;
  /** Whether the hidden states before a block will be read again. */
  readonly keeps?: (block: Block) => boolean;
  /** Called for each block, with the outputs of its open session; must take each batch through it. */
  visit(block: Block, outputs: readonly string[], each: EachBatch): Promise<void>;
}

/** Takes all batches up through a model, one block open at a time, and notes every block it is through. */
export async function climb(
  engine: Engine,
  model: Model,
  states: BatchStates,
  { from, outputs, keeps = () => false, visit, signal }: Climb,
): Promise<void> {
  if (from === null) {
    await embedEach(engine, model, states.batches, (batch, embed) => {
      throwIfAborted(signal);
      return states.using(batch, { writes: hiddenKey(0) }, () => embed(heldName(batch, hiddenKey(0))));
    });
    await states.reach({ direction: 'up', block: 0 });
  }
  const rest = { ...model, blocks: model.blocks.slice(from ?? 0) };
  const sessions = streamedBlocks(engine, rest, outputs);
  await sessions.each(
    async (block, session, available) => {
      const [before, after] = [hiddenKey(block.index), hiddenKey(block.index + 1)];
      const access = { [keeps(block) ? 'reads' : 'consumes']: [before], writes: after };
      const each: EachBatch = (use) =>
        engine.spread(states.batches, (batch, index) => {
          throwIfAborted(signal);
          return states.using(batch, access, () =>
            use(
              batch,
              ({ fetch = [], hold = {} } = {}) =>
                runBlock(model, block, session, batch, {
                  extraFeeds: { hidden: { held: heldName(batch, before) } },
                  fetch,
                  hold: { hiddenOut: heldName(batch, after), ...hold },
                }),
              index,
            ),
          );
        });
      await visit(block, available, each);
      await states.reach({ direction: 'up', block: block.index + 1 }, keeps(block) ? [] : [before]);
    },
    { signal },
  );
}
