import { type Block, type Model, type Statistic, throwIfAborted, type Work } from '@moepress/core';
import { blockGradientGraph } from '../decoder/block-gradient.js';
import { isStatisticOutput } from '../decoder/statistics.js';
import type { Engine } from '../engine/engine.js';
import type { Results } from '../engine/protocol.js';
import { checkFinite } from '../forward/finite.js';
import type { HeldBatch } from '../forward/held.js';
import { layOut } from '../forward/layout.js';
import { readAhead } from '../forward/read-ahead.js';
import { climb } from '../states/climb.js';
import { gradientKey, hiddenKey } from '../states/keys.js';
import type { Checkpoint } from '../states/scratch.js';
import { BatchStates, heldName, type Storage } from '../states/states.js';
import { headGradients } from './head.js';

export interface BackwardOptions extends Pick<Work, 'signal'> {
  readonly statistics: readonly Statistic[];
  /** The deepest block whose gradients are wanted; below it nothing needs to run. */
  readonly lowest: number;
  readonly storage: Storage;
  /** Whether nothing is left to measure in a block, as an earlier run came past it. */
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
  visit(block: Block, batches: readonly HeldBatch[]): Promise<void>;
}

/**
 * Gradients of the mean token cross-entropy of each sequence, one block open at a time: up with the
 * inputs of all blocks kept, then down, each block recomputed from its input and differentiated.
 */
export async function backwardPass(
  engine: Engine,
  model: Model,
  sequences: readonly (readonly number[])[],
  options: BackwardOptions,
): Promise<void> {
  const { lowest, storage, signal } = options;
  const layouts = sequences.map((ids, index) => layOut([{ index, ids }]));
  const count = model.blocks.length;
  const kept = { ...storage, boundaries: count - lowest + 1 };
  await BatchStates.with(engine, model, layouts, kept, async (states) => {
    const resumed = await states.resume((checkpoint) => statesAt(checkpoint, model, options));
    if (resumed) options.skip?.(resumed.direction === 'up' ? resumed.block : 2 * count - resumed.block);
    if (resumed?.direction !== 'down') {
      await climb(engine, model, states, {
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
      const losses = await headGradients(engine, model, states, { signal });
      options.losses?.(losses);
      await states.reach({ direction: 'down', block: count }, [hiddenKey(count)]);
    }
    const from = resumed?.direction === 'down' ? resumed.block : count;
    await goDown(engine, model, states, from, options);
  });
}

/** What a run that comes to a checkpoint goes on with; null if it lacks what was to be measured before. */
function statesAt(
  { direction, block }: Checkpoint,
  model: Model,
  { lowest, isKnown }: BackwardOptions,
): string[] | null {
  const inputs = model.blocks.slice(lowest, block).map(({ index }) => hiddenKey(index));
  if (direction === 'up') return [...inputs, hiddenKey(block)];
  return model.blocks.slice(block).every(isKnown) ? [...inputs, gradientKey(block)] : null;
}

/** From the input of block `from` on, whose gradient is known, down to the lowest block wanted. */
async function goDown(
  engine: Engine,
  model: Model,
  states: BatchStates,
  from: number,
  options: BackwardOptions,
): Promise<void> {
  const session = 'backward';
  for (const block of model.blocks.slice(options.lowest, from).toReversed()) {
    throwIfAborted(options.signal);
    const graph = blockGradientGraph(model, block, options.statistics);
    const fetch = graph.outputs.map(({ name }) => name).filter(isStatisticOutput);
    const [input, above, writes] = [
      hiddenKey(block.index),
      gradientKey(block.index + 1),
      gradientKey(block.index),
    ];
    const consumes = [input, above];
    await engine.open(session, graph);
    const below = block.index > options.lowest ? model.blocks[block.index - 1] : undefined;
    const ahead = readAhead(below);
    try {
      await engine.spread(states.batches, (batch, index) =>
        states.using(batch, { consumes, writes }, async () => {
          throwIfAborted(options.signal);
          const of = (key: string) => ({ held: heldName(batch, key) });
          const feeds = { hidden: of(input), gradient: of(above), cos: of('cos'), sin: of('sin') };
          const hold = { gradientOut: heldName(batch, writes) };
          const [results] = await batch.worker.run([{ session, feeds, fetch: ['finite', ...fetch], hold }]);
          await checkFinite(model, block, results!);
          options.advance?.(batch.layout.ids.length, block.index);
          options.measured(block, index, results!);
        }),
      );
      await options.visit(block, states.batches);
    } finally {
      await ahead.stop();
      await engine.close(session);
    }
    await states.reach({ direction: 'down', block: block.index }, consumes);
  }
}
