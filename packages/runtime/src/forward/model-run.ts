import type { Block, Model, Work } from '@moepress/core';
import { type BlockOutputs, blockGraph } from '../decoder/block.js';
import { embedGraph } from '../decoder/embedding.js';
import type { Engine } from '../engine/engine.js';
import type { Append, Feeds, Session, TensorHandle } from '../engine/handles.js';
import { int32, type Results } from '../engine/protocol.js';
import type { EngineScope } from '../engine/scope.js';
import { SessionPool } from '../engine/session-pool.js';
import { assertFinite } from './finite.js';
import { pastFeeds, type SharedPast } from './past.js';
import { walkBlocks } from './walk-blocks.js';
import { blockFeeds, type Part, type WorkerBatch } from './worker-batch.js';

/** A model that runs on an engine. */
export interface ModelRun {
  readonly engine: Engine;
  readonly model: Model;
  /** Where the tensors of a call are stored. */
  readonly scope: EngineScope;
  /** Whether the sessions of blocks stay open, or each is open while it is used. */
  readonly sessions: SessionPool;
  /** The outputs of the block graphs in addition to hidden states. */
  readonly outputs: (block: Block) => BlockOutputs;
}

/** A model of whose blocks only one is mapped at a time. */
export function streamedRun(
  engine: Engine,
  scope: EngineScope,
  model: Model,
  outputs: ModelRun['outputs'] = () => ({}),
): ModelRun {
  return { engine, model, scope, sessions: new SessionPool(scope, { keepsOpen: false }), outputs };
}

/** What the session of a block is called. */
export const blockName = ({ index }: Block): string => `block.${index}`;

/** The graph of a block of the run. */
export const graphOf = ({ engine, model, outputs }: ModelRun, block: Block) =>
  blockGraph(model, block, outputs(block), engine.traits);

/** Calls `use` with each block and its open session, from the first one up. See `walkBlocks`. */
export async function forwardThroughBlocks(
  run: ModelRun,
  use: (block: Block, session: Session) => Promise<void>,
  work: Pick<Work, 'signal'> = {},
): Promise<void> {
  const steps = run.model.blocks.map((block) => ({
    block,
    name: blockName(block),
    graph: () => graphOf(run, block),
  }));
  await walkBlocks(run.sessions, steps, ({ block }, session) => use(block, session), work);
}

/** Calls `use` for every batch; `embed` puts the batch's embeddings into a tensor, its hidden states by default. */
export async function embedEach<B extends WorkerBatch>(
  { engine, model, sessions }: Pick<ModelRun, 'engine' | 'model' | 'sessions'>,
  batches: readonly B[],
  use: (batch: B, embed: (hidden?: TensorHandle) => Promise<void>) => Promise<void> = (_, embed) => embed(),
): Promise<void> {
  await sessions.with(
    'embed',
    () => embedGraph(model),
    async (session) => {
      await engine.spread(batches, (batch) =>
        use(batch, async (hidden = batch.hidden) => {
          const feeds = { ids: int32(batch.layout.ids) };
          await batch.worker.run([{ session, feeds, keep: { hidden } }]);
        }),
      );
    },
  );
}

/** How a batch goes through a block. */
export interface BlockRun {
  readonly block: Block;
  readonly session: Session;
  readonly batch: WorkerBatch;
  /** Hidden states before and after the block; the batch's own by default, of which the later replace the earlier. */
  readonly hidden?: TensorHandle;
  readonly hiddenOut?: TensorHandle;
  /** Rows that come out, where the session lets some out only; all by default. */
  readonly part?: Part | undefined;
  /** Keys and values of tokens before these, where the session takes any; none by default. */
  readonly past?: SharedPast | undefined;
  readonly fetch?: readonly string[] | undefined;
  /** What a session takes besides. */
  readonly feeds?: Feeds | undefined;
  readonly keep?: Readonly<Record<string, TensorHandle>> | undefined;
  readonly append?: readonly Append[];
}

/**
 * Takes a batch's hidden states through a block and yields what else is fetched. Throws `WEIGHTS_NOT_FINITE` if they are
 * no numbers any more.
 */
export async function runBlock(
  { model, outputs, engine }: Pick<ModelRun, 'model' | 'outputs' | 'engine'>,
  { block, session, batch, part, past, fetch = [], feeds, keep, append, ...states }: BlockRun,
): Promise<Results[number]> {
  const { hidden = batch.hidden, hiddenOut = hidden } = states;
  const earlier: Feeds = outputs(block).cache ? pastFeeds(batch, block, engine.traits, past) : {};
  const [results] = await batch.worker.run([
    {
      session,
      feeds: { ...blockFeeds(batch, block, part), hidden, ...earlier, ...feeds },
      fetch: ['finite', ...fetch],
      keep: { hiddenOut, ...keep },
      append,
    },
  ]);
  await assertFinite(model, block, results!);
  return results!;
}
