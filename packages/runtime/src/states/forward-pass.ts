import { type Block, throwIfAborted, type Work } from '@moepress/core';
import type { Feeds, TensorHandle } from '../engine/handles.js';
import type { Results } from '../engine/protocol.js';
import { embedEach, forwardThroughBlocks, type ModelRun, runBlock } from '../forward/model-run.js';
import type { WorkerBatch } from '../forward/worker-batch.js';
import { type BatchStates, hiddenKey } from './batch-states.js';

/** Takes a batch through the block; what it fetches and keeps besides the hidden states is up to the pass. */
export type RunBatch = (options?: {
  fetch?: readonly string[];
  feeds?: Feeds;
  keep?: Readonly<Record<string, TensorHandle>>;
}) => Promise<Results[number]>;

/** Calls `use` once for each batch, which must call `run` once; the results are in the order of the batches. */
export type EachBatch = <R>(
  use: (batch: WorkerBatch, run: RunBatch, index: number) => Promise<R>,
) => Promise<R[]>;

export interface ForwardPass extends Pick<Work, 'signal'> {
  /** The block to begin with, where the batches are; null: they have yet to be embedded. */
  readonly from: number | null;
  /** Whether the hidden states before a block will be read again. */
  readonly keeps?: (block: Block) => boolean;
  /** Called for each block, with the outputs of its open session; must take each batch through it. */
  visit(block: Block, outputs: readonly string[], each: EachBatch): Promise<void>;
}

/** Takes all batches up through a model, one block after the other, and notes every block it is through. */
export async function runForwardPass(
  run: ModelRun,
  states: BatchStates,
  { from, keeps = () => false, visit, signal }: ForwardPass,
): Promise<void> {
  const { engine, model } = run;
  if (from === null) {
    await embedEach(run, states.batches, (batch, embed) => {
      throwIfAborted(signal);
      const first = hiddenKey(0);
      return states.using(batch, { writes: first }, () => embed(states.tensor(batch, first)));
    });
    await states.reach({ direction: 'up', block: 0 });
  }
  const rest = { ...model, blocks: model.blocks.slice(from ?? 0) };
  await forwardThroughBlocks(
    { ...run, model: rest },
    async (block, session) => {
      const [before, after] = [hiddenKey(block.index), hiddenKey(block.index + 1)];
      const access = { [keeps(block) ? 'reads' : 'consumes']: [before], writes: after };
      const each: EachBatch = (use) =>
        engine.spread(states.batches, (batch, index) => {
          throwIfAborted(signal);
          const through: RunBatch = (options) => {
            const [hidden, hiddenOut] = [states.tensor(batch, before), states.tensor(batch, after)];
            return runBlock(run, { block, session, batch, hidden, hiddenOut, ...options });
          };
          return states.using(batch, access, () => use(batch, through, index));
        });
      await visit(block, session.outputs, each);
      await states.reach({ direction: 'up', block: block.index + 1 }, keeps(block) ? [] : [before]);
    },
    { signal },
  );
}
