import {
  type Block,
  type CalibrationSet,
  type Model,
  type Statistic,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import { blockGradientGraph } from '../decoder/block-gradient.js';
import { isStatisticOutput } from '../decoder/statistics.js';
import type { Results } from '../engine/protocol.js';
import { assertFinite } from '../forward/finite.js';
import type { ModelRun } from '../forward/model-run.js';
import { walkBlocks } from '../forward/walk-blocks.js';
import { layoutFeeds } from '../forward/worker-batch.js';
import { BatchStates, gradientKey, hiddenKey, type Storage } from '../states/batch-states.js';
import { runForwardPass } from '../states/forward-pass.js';
import type { Checkpoint } from '../states/scratch.js';
import { layOut } from '../tokens/token-layout.js';
import { headGradients } from './head-gradients.js';

export interface BackwardOptions extends Pick<Work, 'signal'> {
  /** The tokens of each sequence whose cross-entropy counts, of which each has one; all but the first if absent. */
  readonly counted?: CalibrationSet['counted'];
  readonly statistics: readonly Statistic[];
  /** The deepest block whose gradients are needed; the backward pass stops there. */
  readonly lowest: number;
  readonly storage: Storage;
  /** Whether everything in a block has been measured already, by an earlier run that got past it. */
  isKnown(block: Block): boolean;
  /** Called with the tokens of a sequence that went up or down through a layer. */
  advance?(tokens: number, layer: number): void;
  /** Called with the number of layers, up and down, that an earlier run is through. */
  skip?(layers: number): void;
  /** Called with the mean negative log-likelihood of each sequence, unless an earlier run is past them. */
  losses?(means: readonly number[]): void;
  /** Called with what sequence number `index` has measured in a block, in whatever order they come. */
  measured(block: Block, index: number, results: Results[number]): void;
  /** Called for every block from the last one down, after all sequences. */
  visit(block: Block, states: BatchStates): Promise<void>;
}

/**
 * Gradients of the mean token cross-entropy of each sequence, one block open at a time: up with the
 * inputs of all blocks kept, then down, each block recomputed from its input and differentiated.
 */
export async function backwardPass(
  asked: ModelRun,
  sequences: readonly (readonly number[])[],
  options: BackwardOptions,
): Promise<void> {
  const run: ModelRun = { ...asked, outputs: (block) => ({ ...asked.outputs(block), exact: true }) };
  const { model } = run;
  const { lowest, storage, signal } = options;
  const layouts = sequences.map((ids, index) => layOut([{ index, ids }]));
  const count = model.blocks.length;
  const kept = { ...storage, boundaries: count - lowest + 1 };
  await BatchStates.with(run, layouts, kept, async (states) => {
    const resumed = await states.resume((checkpoint) => statesAt(checkpoint, model, options));
    if (resumed) options.skip?.(resumed.direction === 'up' ? resumed.block : 2 * count - resumed.block);
    if (resumed?.direction !== 'down') {
      await runForwardPass(run, states, {
        signal,
        from: resumed?.block ?? null,
        keeps: ({ index }) => index >= lowest,
        async visit(block, _, each) {
          await each(async (batch, run) => {
            await run();
            options.advance?.(batch.layout.ids.length, block.index);
          });
        },
      });
      const losses = await headGradients(run, states, { counted: options.counted, signal });
      options.losses?.(losses);
      await states.reach({ direction: 'down', block: count }, [hiddenKey(count)]);
    }
    const from = resumed?.direction === 'down' ? resumed.block : count;
    await backwardThroughBlocks(run, states, from, options);
  });
}

/** The state from which a run continues at a checkpoint; null if an earlier measurement is missing. */
function statesAt(
  { direction, block }: Checkpoint,
  model: Model,
  { lowest, isKnown }: BackwardOptions,
): string[] | null {
  const inputs = model.blocks.slice(lowest, block).map(({ index }) => hiddenKey(index));
  if (direction === 'up') return [...inputs, hiddenKey(block)];
  return model.blocks.slice(block).every(isKnown) ? [...inputs, gradientKey(block)] : null;
}

/** Goes from the input of block `from`, whose gradient is known, down to the lowest block needed. */
async function backwardThroughBlocks(
  { engine, model, sessions }: ModelRun,
  states: BatchStates,
  from: number,
  options: BackwardOptions,
): Promise<void> {
  const steps = model.blocks
    .slice(options.lowest, from)
    .toReversed()
    .map((block) => ({
      block,
      name: `block.${block.index}/gradient`,
      graph: () => blockGradientGraph(model, block, options.statistics),
    }));
  await walkBlocks(
    sessions,
    steps,
    async ({ block }, session) => {
      const statistics = session.outputs.filter(isStatisticOutput);
      const [input, above, writes] = [
        hiddenKey(block.index),
        gradientKey(block.index + 1),
        gradientKey(block.index),
      ];
      const consumes = [input, above];
      await engine.spread(states.batches, (batch, index) =>
        states.using(batch, { consumes, writes }, async () => {
          throwIfAborted(options.signal);
          const [hidden, gradient] = [states.tensor(batch, input), states.tensor(batch, above)];
          const feeds = { ...layoutFeeds(batch, block), hidden, gradient };
          const keep = { gradientOut: states.tensor(batch, writes) };
          const fetch = ['finite', ...statistics];
          const [results] = await batch.worker.run([{ session, feeds, fetch, keep }]);
          await assertFinite(model, block, results!);
          options.advance?.(batch.layout.ids.length, block.index);
          options.measured(block, index, results!);
        }),
      );
      await options.visit(block, states);
      await states.reach({ direction: 'down', block: block.index }, consumes);
    },
    options,
  );
}
