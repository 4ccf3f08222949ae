import { type Block, type Model, throwIfAborted, type Work } from '@moepress/core';
import type { Engine, InWorker } from '../engine/engine.js';
import type { Append } from '../engine/protocol.js';
import { type BlockSessions, runBlock } from './blocks.js';
import { embedEach } from './embed.js';
import { dropBatch, type HeldBatch, hiddenName, holdBatch } from './held.js';
import type { SharedPast } from './past.js';
import type { Run } from './runs.js';
import { putTogether, type Share, sharesOf } from './shares.js';

/** A run, who does it, and which of its rows, ascending, anybody wants to know the last hidden states of. */
export interface Assigned extends InWorker {
  readonly run: Run;
  readonly name: string;
  readonly asked: readonly number[];
}

export type PassBatch<A extends Assigned = Assigned> = HeldBatch & A & { readonly share: Share | null };

/** Where the asked rows are among the hidden states after the last block: all that there are, unless sequences are padded. */
export function askedRows({ asked, parts }: PassBatch): readonly number[] {
  return parts.has('asked') ? asked.map((_, place) => place) : asked;
}

/** What a pass needs to know of a run. */
export interface PassUse<A extends Assigned> extends Pick<Work, 'signal'> {
  /** Called before the runs go through a block. */
  before?(block: Block): Promise<void>;
  /** Keys and values of the tokens before a run's. */
  past(batch: PassBatch<A>, block: Block): SharedPast | undefined;
  /** Where those of its own go. */
  append(batch: PassBatch<A>, block: Block): readonly Append[];
  /** Called when a run is through a block. */
  done?(batch: PassBatch<A>): void;
  /** Called with the batches, which hold the hidden states of `askedRows`. */
  ends(batches: readonly PassBatch<A>[]): Promise<void>;
}

/**
 * Takes runs up through all blocks. The last block computes the rows that are asked alone, besides keys and values,
 * and what several workers keep of the same tokens they compute together. Where sequences are padded, all is computed.
 */
export async function passUp<A extends Assigned>(
  engine: Engine,
  model: Model,
  blocks: BlockSessions,
  assigned: readonly A[],
  use: PassUse<A>,
): Promise<void> {
  const { attention } = engine.traits;
  const shares = attention === 'tree' ? sharesOf(assigned) : new Map<Run, Share>();
  const batches = await engine.spread(assigned, async (one): Promise<PassBatch<A>> => {
    const { run, name, worker } = one;
    const share = shares.get(run) ?? null;
    // A block cannot let out nothing.
    const asked = Int32Array.from(one.asked.length > 0 ? one.asked : [0]);
    const parts = { asked, ...(share && { share: share.rows }) };
    const batch = await holdBatch(worker, name, run.layout, model, { attention, past: run.prefix, parts });
    return { ...one, ...batch, share };
  });
  try {
    await embedEach(engine, model, batches, (batch, embed) => embed(hiddenName(batch)));
    await blocks.each(async (block, session) => {
      await use.before?.(block);
      const isLast = block === model.blocks.at(-1);
      await engine.spread(batches, async (batch) => {
        throwIfAborted(use.signal);
        const part = isLast ? 'asked' : batch.share ? 'share' : 'all';
        await runBlock(model, block, session, batch, {
          part,
          extraFeeds: blocks.extraFeeds(batch, block, { shared: use.past(batch, block), part }),
          append: use.append(batch, block),
        });
        use.done?.(batch);
      });
      if (!isLast) await putTogether(batches);
    }, use);
    await use.ends(batches);
  } finally {
    await Promise.all(batches.map((batch) => dropBatch(batch)));
  }
}
