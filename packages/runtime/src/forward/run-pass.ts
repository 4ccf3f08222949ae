import { type Block, throwIfAborted, type Work } from '@moepress/core';
import type { Append, InWorker, WorkerCommands } from '../engine/handles.js';
import { closing } from '../engine/scope.js';
import type { Run } from '../tokens/runs.js';
import { embedEach, forwardThroughBlocks, type ModelRun, runBlock } from './model-run.js';
import type { SharedPast } from './past.js';
import { putTogether, type Share, sharesOf } from './shares.js';
import { type SplitRun, splitRun } from './split-run.js';
import { freeBatches, hasPart, placeBatch, type WorkerBatch } from './worker-batch.js';

/** A run, who does it, and which of its rows, ascending, anybody wants to know the last hidden states of. */
export interface Assigned extends InWorker {
  readonly run: Run;
  readonly name: string;
  readonly asked: readonly number[];
}

export type PassBatch<A extends Assigned = Assigned> = WorkerBatch &
  A & {
    readonly share: Share | null;
    /** Whether it only computes rows of a run that is another worker's. */
    readonly helps: boolean;
  };

/** Where the asked rows are among the hidden states after the last block: all that there are, unless sequences are padded. */
export function askedRows(batch: PassBatch): readonly number[] {
  return hasPart(batch, 'asked') ? batch.asked.map((_, place) => place) : batch.asked;
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
 * and what several workers keep of the same tokens they compute together, as they do the last run where some would have
 * nothing to do. Where sequences are padded, all is computed.
 */
export async function passUp<A extends Assigned>(
  model: ModelRun,
  assigned: readonly A[],
  use: PassUse<A>,
): Promise<void> {
  const { engine, scope } = model;
  const { attention } = engine.traits;
  const isTree = attention === 'tree';
  const shares = isTree ? sharesOf(assigned) : new Map<Run, Share>();
  const split = isTree ? splitRun(assigned, engine, model.model) : null;
  const all = [...assigned.map((one) => ({ one, helps: false })), ...helpers(split)];
  const placing = all.map((own) => ({ ...own, worker: own.one.worker }));
  const placed = await engine.spread(placing, async ({ one, helps }): Promise<PassBatch<A>> => {
    const { run, name, worker } = one;
    const share = split?.of.run === run ? shareOf(split, worker) : (shares.get(run) ?? null);
    // A block cannot let out nothing.
    const asked = Int32Array.from(one.asked.length > 0 ? one.asked : [0]);
    const parts = { asked, ...(share && { share: share.rows }) };
    const placement = { worker, name, layout: run.layout, model: model.model, attention };
    const batch = await placeBatch(scope, { ...placement, past: run.prefix, parts });
    return { ...one, ...batch, share, helps };
  });
  const batches = placed.filter(({ helps }) => !helps);
  const last = model.model.blocks.at(-1);
  const pass = async () => {
    await embedEach(model, placed);
    await forwardThroughBlocks(
      model,
      async (block, session) => {
        await use.before?.(block);
        // The last block computes what is asked alone, which is little beside the rest.
        await engine.spread(block === last ? batches : placed, async (batch) => {
          throwIfAborted(use.signal);
          const part = block === last ? 'asked' : batch.share ? 'share' : 'all';
          if (batch.helps) {
            await runBlock(model, { block, session, batch, part });
            return;
          }
          const [past, append] = [use.past(batch, block), use.append(batch, block)];
          await runBlock(model, { block, session, batch, part, past, append });
          use.done?.(batch);
        });
        if (block !== last) await putTogether(placed);
      },
      use,
    );
    await use.ends(batches);
  };
  await closing(pass, () => freeBatches(scope, placed));
}

/** What workers do of a run that is another one's. */
function helpers<A extends Assigned>(split: SplitRun<A> | null): { one: A; helps: boolean }[] {
  if (!split) return [];
  const { of, rows } = split;
  return [...rows.keys()]
    .filter((worker) => worker !== of.worker)
    .map((worker, i) => ({ one: { ...of, worker, name: `${of.name}/helper.${i}` }, helps: true }));
}

function shareOf({ rows }: SplitRun<Assigned>, worker: WorkerCommands): Share {
  return { of: 'split', rows: rows.get(worker)! };
}
