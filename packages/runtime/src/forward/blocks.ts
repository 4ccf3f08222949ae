import { type Block, type Model, throwIfAborted, type Work } from '@moepress/core';
import { type BlockOutputs, blockGraph } from '../decoder/block.js';
import { scoringHeadGraph } from '../decoder/ends.js';
import type { Engine } from '../engine/engine.js';
import type { Append, Feed } from '../engine/protocol.js';
import { checkFinite } from './finite.js';
import { blockFeeds, type HeldBatch, hiddenName, type Part } from './held.js';
import { type Past, pastFeeds } from './past.js';
import { readAhead } from './read-ahead.js';

/** Called with a block, the name of its open session and the outputs that one has. */
export type UseBlock = (block: Block, session: string, outputs: readonly string[]) => Promise<void>;

/** Gives each block of a model an open session, in order: one at a time, or all of them at once. */
export interface BlockSessions {
  each(use: UseBlock, work?: Work): Promise<void>;
  /** Feeds that every run needs on top of the batch. */
  extraFeeds(batch: HeldBatch, block: Block, past?: Past): Record<string, Feed>;
  /** Calls `use` with an open session of `scoringHeadGraph`. */
  withScoringHead<R>(use: (session: string) => Promise<R>): Promise<R>;
}

/** The name of its session. */
export const scoringHead = 'score/head';

/** Layer streaming: a block's weights are mapped while its session is open, and nothing else. */
export function streamedBlocks(
  engine: Engine,
  model: Model,
  outputs: (block: Block) => BlockOutputs = () => ({}),
): BlockSessions {
  return {
    async each(use, work) {
      for (const [i, block] of model.blocks.entries()) {
        throwIfAborted(work?.signal);
        const session = `block.${block.index}`;
        const graph = blockGraph(model, block, outputs(block), engine.traits);
        await engine.open(session, graph);
        const ahead = readAhead(model.blocks[i + 1]);
        try {
          await use(
            block,
            session,
            graph.outputs.map(({ name }) => name),
          );
        } finally {
          await ahead.stop();
          await engine.close(session);
        }
      }
    },
    extraFeeds: (batch, block, past) =>
      outputs(block).cache ? pastFeeds(batch, block, engine.traits, past) : {},
    async withScoringHead(use) {
      await engine.open(scoringHead, scoringHeadGraph(model));
      try {
        return await use(scoringHead);
      } finally {
        await engine.close(scoringHead);
      }
    },
  };
}

/**
 * Replaces a batch's hidden states by those after `block` and yields what else is fetched.
 * Throws `WEIGHTS_NOT_FINITE` if they are no numbers any more.
 */
export async function runBlock(
  model: Model,
  block: Block,
  session: string,
  batch: HeldBatch,
  options: {
    extraFeeds?: Record<string, Feed>;
    /** Rows that come out, where the session lets some out only; all by default. */
    part?: Part;
    fetch?: readonly string[];
    hold?: Record<string, string>;
    append?: readonly Append[];
  } = {},
) {
  const [results] = await batch.worker.run([
    {
      session,
      feeds: { ...blockFeeds(batch, block, options.part), ...options.extraFeeds },
      fetch: ['finite', ...(options.fetch ?? [])],
      hold: { hiddenOut: hiddenName(batch), ...options.hold },
      append: options.append,
    },
  ]);
  await checkFinite(model, block, results!);
  return results!;
}
