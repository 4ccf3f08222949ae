import { type Block, type Model, type Statistic, throwIfAborted, type Work } from '@moepress/core';
import { blockGradientGraph } from '../decoder/block-gradient.js';
import { isStatisticOutput } from '../decoder/statistics.js';
import type { Engine } from '../engine/engine.js';
import type { Results } from '../engine/protocol.js';
import { runBlock, streamedBlocks } from '../forward/blocks.js';
import { embedBatches } from '../forward/embed.js';
import { checkFinite } from '../forward/finite.js';
import { dropBatch, type HeldBatch, hiddenName } from '../forward/held.js';
import { layOut } from '../forward/layout.js';
import { headGradients } from './head.js';
import { gradientName, inputName } from './names.js';

export interface BackwardOptions extends Pick<Work, 'signal'> {
  readonly statistics: readonly Statistic[];
  /** The deepest block whose gradients are wanted; below it nothing needs to run. */
  readonly lowest: number;
  /** Called with the tokens of a sequence that went up or down through a layer. */
  advance?(tokens: number, layer: number): void;
  /** Called for every block from the last one down, with what each sequence measured, in their order. */
  visit(block: Block, measured: Results, batches: readonly HeldBatch[]): Promise<void> | void;
}

/**
 * Gradients of the mean token cross-entropy of each sequence, one block open at a time: up with the
 * inputs of all blocks kept, then down, each block recomputed from its input and differentiated.
 * Yields the mean negative log-likelihood of each sequence.
 */
export async function backwardPass(
  engine: Engine,
  model: Model,
  sequences: readonly (readonly number[])[],
  options: BackwardOptions,
): Promise<number[]> {
  const layouts = sequences.map((ids, index) => layOut([{ index, ids }]));
  const batches = await embedBatches(engine, model, layouts, 'backward');
  try {
    await goUp(engine, model, batches, options);
    const losses = await headGradients(engine, model, batches, options);
    await goDown(engine, model, batches, options);
    return losses;
  } finally {
    await Promise.all(
      batches.map(async (batch) => {
        await dropBatch(batch);
        const inputs = model.blocks.map(({ index }) => inputName(batch, index));
        await batch.worker.drop([gradientName(batch), ...inputs]);
      }),
    );
  }
}

async function goUp(
  engine: Engine,
  model: Model,
  batches: readonly HeldBatch[],
  work: BackwardOptions,
): Promise<void> {
  await streamedBlocks(engine, model).each(async (block, session) => {
    await engine.spread(batches, async (batch) => {
      throwIfAborted(work.signal);
      await batch.worker.rename(hiddenName(batch), inputName(batch, block.index));
      await runBlock(model, block, session, batch, {
        extraFeeds: { hidden: { held: inputName(batch, block.index) } },
      });
      if (block.index < work.lowest) await batch.worker.drop([inputName(batch, block.index)]);
      work.advance?.(batch.layout.ids.length, block.index);
    });
  }, work);
}

async function goDown(
  engine: Engine,
  model: Model,
  batches: readonly HeldBatch[],
  options: BackwardOptions,
): Promise<void> {
  const session = 'backward';
  for (const block of model.blocks.toReversed()) {
    if (block.index < options.lowest) return;
    throwIfAborted(options.signal);
    const graph = blockGradientGraph(model, block, options.statistics);
    const fetch = graph.outputs.map(({ name }) => name).filter(isStatisticOutput);
    await engine.open(session, graph);
    try {
      const measured = await engine.spread(batches, async (batch) => {
        throwIfAborted(options.signal);
        const feeds = {
          hidden: { held: inputName(batch, block.index) },
          gradient: { held: gradientName(batch) },
          cos: { held: `${batch.name}/cos` },
          sin: { held: `${batch.name}/sin` },
        };
        const hold = { gradientOut: gradientName(batch) };
        const [results] = await batch.worker.run([{ session, feeds, fetch: ['finite', ...fetch], hold }]);
        await checkFinite(model, block, results!);
        await batch.worker.drop([inputName(batch, block.index)]);
        options.advance?.(batch.layout.ids.length, block.index);
        return results!;
      });
      await options.visit(block, measured, batches);
    } finally {
      await engine.close(session);
    }
  }
}
