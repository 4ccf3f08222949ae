import {
  type Block,
  type LayerReplay,
  type Model,
  type MoeBlock,
  MoepressError,
  type ReplayRequest,
  throwIfAborted,
} from '@moepress/core';
import { blockGraph } from '../../decoder/block.js';
import { arrangeFor } from '../../engine/arrange.js';
import { type ModelRun, runBlock, streamedRun } from '../../forward/model-run.js';
import { BatchStates, hiddenKey } from '../../states/batch-states.js';
import { type EachBatch, runForwardPass } from '../../states/forward-pass.js';
import { type CalibratedModel, layoutsOf, sequencesIn, tokensIn } from '../calibrated-model.js';
import { CachedLayer, ffnInputKey, outputKey, type Replaying, stateKey } from './cached-layer.js';
import { expertGraph, replayStates, withoutExperts } from './replay-graphs.js';
import { replayJob } from './replay-memory.js';

type Visit = (layer: LayerReplay) => Promise<void>;

/**
 * See `MethodTools.replayLayers`. The unchanged model is walked up once; a wanted layer's experts run on every
 * token once, and what they yield stays in the workers or, beyond the memory, in scratch files until the next one.
 * Throws `PLUGIN_INVALID` for layers without experts, `CONFIG_UNSUPPORTED` for those with a norm behind them, `MEMORY_EXCEEDED` if it does not fit into the engine's memory.
 */
export async function replayLayers(
  bound: CalibratedModel,
  request: ReplayRequest,
  visit: Visit,
): Promise<void> {
  const { engine } = bound;
  const wanted = wantedBlocks(bound.model, request.layers);
  if (wanted.size === 0) return;
  const model = { ...bound.model, blocks: bound.model.blocks.slice(0, Math.max(...wanted.keys()) + 1) };
  const blocks = [...wanted.values()];
  const job = replayJob({ ...bound, model }, blocks, request.criterion);
  await engine.turn(async () => {
    const plan = await arrangeFor(engine, job, request.progress);
    const { carried = engine.carriedBytes } = bound;
    const layouts = layoutsOf(bound);
    const sequences = sequencesIn(layouts);
    const progress = replayProgress(request, tokensIn(layouts), model.blocks.length);
    const storage = { folder: null, memory: carried, boundaries: replayStates(blocks) };
    const replayIn = (run: ModelRun, states: BatchStates) =>
      runForwardPass(run, states, {
        from: null,
        signal: request.signal,
        async visit({ index }, _, each) {
          const block = wanted.get(index);
          if (!block) {
            await each(async (batch, through) => {
              await through();
              progress.advance(batch.layout.ids.length, index);
            });
            return;
          }
          const replaying = { run, block, states, request };
          try {
            await openLayer(replaying, each);
            await runExperts(replaying, progress);
            const layer = new CachedLayer({ ...replaying, sequences });
            await engine.beside(plan?.predicted ?? 0, () => visit(layer));
          } finally {
            await forgetLayer(replaying);
          }
        },
      });
    try {
      await engine.inScope(async (scope) => {
        const run = streamedRun(engine, scope, model);
        await BatchStates.with(run, layouts, storage, (states) => replayIn(run, states));
      });
    } finally {
      progress.end();
    }
  }, request.signal);
}

function wantedBlocks({ blocks }: Model, layers: readonly number[]): Map<number, MoeBlock> {
  const isMoe = (block: Block | undefined): block is MoeBlock => block?.ffn.kind === 'moe';
  return new Map(
    layers.map((layer) => {
      const block = blocks[layer];
      if (isMoe(block) && isNormedBehind(block)) {
        throw new MoepressError('CONFIG_UNSUPPORTED', {
          message: `Layer ${layer} norms or averages what its experts add up to: none of them adds something of its own to be tried out.`,
          where: 'tools.replayLayers',
          hint: 'Choose a method that does not try experts out one by one.',
        });
      }
      if (isMoe(block)) return [layer, block];
      throw new MoepressError('PLUGIN_INVALID', {
        message: `Layer ${layer} has no experts.`,
        where: 'tools.replayLayers',
        hint: 'Report this to the author of the method.',
      });
    }),
  );
}

/** Whether what the experts add up to is normed, or added in other shares than theirs. */
const isNormedBehind = ({ norms, ffn }: MoeBlock): boolean =>
  norms.place === 'after' || norms.after !== undefined || norms.parts !== undefined || !!ffn.shared?.averaged;

/** Takes the batches through the block, and through the block without any routed expert. */
async function openLayer({ run, block, states }: Replaying, each: EachBatch): Promise<void> {
  const { engine, model, scope } = run;
  const bare = withoutExperts(model, block);
  const graph = blockGraph(model, bare, { ffnInput: true }, engine.traits);
  await scope.with(graph, async (session) => {
    await each((batch, through) =>
      states.using(batch, { writes: stateKey }, () =>
        states.using(batch, { writes: ffnInputKey }, async () => {
          await through();
          const [hidden, hiddenOut] = [hiddenKey(block.index), stateKey].map((key) =>
            states.tensor(batch, key),
          );
          const keep = { ffnInput: states.tensor(batch, ffnInputKey) };
          await runBlock(run, { block: bare, session, batch, hidden: hidden!, hiddenOut: hiddenOut!, keep });
        }),
      ),
    );
  });
}

async function runExperts(
  { run: { engine, model, scope }, block: { index, ffn }, states, request: { signal } }: Replaying,
  progress: ReplayProgress,
): Promise<void> {
  for (const [entry, expert] of ffn.pool.entries()) {
    await scope.with(expertGraph(expert, model.config), async (session) => {
      await engine.spread(states.batches, async (batch) => {
        throwIfAborted(signal);
        await states.using(batch, { reads: [ffnInputKey], writes: outputKey(entry) }, async () => {
          const feeds = { ffnInput: states.tensor(batch, ffnInputKey) };
          const keep = { output: states.tensor(batch, outputKey(entry)) };
          await batch.worker.run([{ session, feeds, keep }]);
        });
        progress.advance(batch.layout.ids.length / ffn.pool.length, index);
      });
    });
  }
}

async function forgetLayer({ block: { ffn }, states }: Replaying): Promise<void> {
  const keys = [stateKey, ffnInputKey, ...ffn.pool.map((_, entry) => outputKey(entry))];
  await Promise.all(states.batches.map((batch) => states.forget(batch, keys)));
}

type ReplayProgress = ReturnType<typeof replayProgress>;

function replayProgress({ progress }: ReplayRequest, total: number, layers: number) {
  const task = 'Replaying layers';
  let done = 0;
  progress?.({ type: 'start', task, total, unit: 'tokens' });
  return {
    advance(count: number, layer: number) {
      done += count;
      progress?.({ type: 'advance', task, done: Math.floor(done / layers), note: `layer ${layer}` });
    },
    end: () => progress?.({ type: 'end', task }),
  };
}
