import { type Model, throwIfAborted, type Work } from '@moepress/core';
import { nextTokenHeadGraph } from '../decoder/ends.js';
import type { Engine } from '../engine/engine.js';
import { int32 } from '../engine/tensor.js';
import { type BlockSessions, runBlock } from '../forward/blocks.js';
import { embedBatches } from '../forward/embed.js';
import { checkHeadFinite } from '../forward/finite.js';
import { dropBatch, hiddenName } from '../forward/held.js';
import { batchSequences } from '../forward/layout.js';
import { turnsByLength } from '../forward/rope.js';
import { type GenerateOptions, isFinished, lastRows } from './options.js';

/**
 * The same continuation without a cache: every new token runs the whole sequences through all
 * blocks again. For models too large to be resident, where reading the weights is the cost anyway.
 */
export async function generateUncached(
  engine: Engine,
  model: Model,
  blocks: BlockSessions,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<number[][]> {
  const results: number[][] = prompts.map(() => []);
  let open = prompts.map((_, i) => i);
  while (open.length > 0) {
    const sequences = open.map((i) => [...prompts[i]!, ...results[i]!]);
    const next = await nextTokens(engine, model, blocks, sequences, options);
    open = open.filter((i, place) => {
      results[i]!.push(next[place]!);
      return !isFinished(results[i]!, options);
    });
  }
  return results;
}

async function nextTokens(
  engine: Engine,
  model: Model,
  blocks: BlockSessions,
  sequences: readonly (readonly number[])[],
  work: Work,
): Promise<number[]> {
  const layouts = batchSequences(
    sequences,
    { ...engine.limits, heads: model.config.heads },
    { sharePrefixes: !turnsByLength(model.config.rope) },
  );
  const batches = await embedBatches(engine, model, layouts, 'next');
  const next = new Array<number>(sequences.length);
  try {
    await blocks.each(async (block, session) => {
      await engine.spread(batches, async (batch) => {
        throwIfAborted(work.signal);
        await runBlock(model, block, session, batch, { extraFeeds: blocks.extraFeeds(batch, block) });
      });
    }, work);
    await engine.open('next/head', nextTokenHeadGraph(model));
    await engine.spread(batches, async (batch) => {
      const feeds = { hidden: { held: hiddenName(batch) }, rows: int32(lastRows(batch.layout)) };
      const [results] = await batch.worker.run([{ session: 'next/head', feeds, fetch: ['token', 'finite'] }]);
      await checkHeadFinite(model, [Number(results!.finite!.data[0])]);
      for (const [b, i] of batch.layout.sequences.entries()) next[i] = Number(results!.token!.data[b]);
    });
    return next;
  } finally {
    await engine.close('next/head');
    await Promise.all(batches.map((batch) => dropBatch(batch)));
  }
}
