import {
  type Block,
  type LayerReplay,
  type Model,
  MoepressError,
  type ReplayRequest,
  throwIfAborted,
} from '@moepress/core';
import { blockGraph } from '../../decoder/block.js';
import { runBlock } from '../../forward/blocks.js';
import { arrangeFor } from '../../memory/arrange.js';
import { replay } from '../../memory/services.js';
import { climb, type EachBatch } from '../../states/climb.js';
import { hiddenKey } from '../../states/keys.js';
import { BatchStates, heldName } from '../../states/states.js';
import { type CalibratedModel, layoutsOf, sequencesIn, tokensIn } from '../calibration.js';
import { expertGraph, replayStates, withoutExperts } from './graphs.js';
import { CachedLayer, ffnInputKey, type MoeBlock, outputKey, stateKey } from './layer.js';

type Visit = (layer: LayerReplay) => Promise<void>;

/**
 * See `MethodTools.replayLayers`. The unchanged model is walked up once; a wanted layer's experts run on every
 * token once, and what they yield stays in the workers or, beyond the memory, in scratch files until the next one.
 * Throws `PLUGIN_INVALID` for layers without experts, `MEMORY_EXCEEDED` if it does not fit into the engine's memory.
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
  const plan = await arrangeFor(
    engine,
    replay({ ...bound, model }, [...wanted.values()], request.criterion),
    request.progress,
  );
  const { carried = engine.carriedBytes } = bound;
  const layouts = layoutsOf(bound);
  const [tokens, sequences] = [tokensIn(layouts), sequencesIn(layouts)];
  const progress = replayProgress(request, tokens * model.blocks.length);
  const storage = { folder: null, memory: carried, boundaries: replayStates([...wanted.values()]) };
  try {
    await BatchStates.with(engine, model, layouts, storage, (states) =>
      climb(engine, model, states, {
        from: null,
        signal: request.signal,
        async visit({ index }, _, each) {
          const block = wanted.get(index);
          if (!block) {
            await each(async (batch, run) => {
              await run();
              progress.advance(batch.layout.ids.length, index);
            });
            return;
          }
          try {
            await openLayer(bound, block, states, each);
            await runExperts(bound, block, states, request, progress);
            const { hiddenSize } = model.config;
            const layer = new CachedLayer(engine, block, states, { hiddenSize, sequences, request });
            await engine.beside(plan?.predicted ?? 0, () => visit(layer));
          } finally {
            await forgetLayer(block, states);
          }
        },
      }),
    );
  } finally {
    progress.end();
  }
}

function wantedBlocks({ blocks }: Model, layers: readonly number[]): Map<number, MoeBlock> {
  const isMoe = (block: Block | undefined): block is MoeBlock => block?.ffn.kind === 'moe';
  return new Map(
    layers.map((layer) => {
      const block = blocks[layer];
      if (isMoe(block)) return [layer, block];
      throw new MoepressError('PLUGIN_INVALID', {
        message: `Layer ${layer} has no experts.`,
        where: 'tools.replayLayers',
        hint: 'Report this to the author of the method.',
      });
    }),
  );
}

/** Takes the batches through the block, and through the block without any routed expert. */
async function openLayer(
  { engine, model }: CalibratedModel,
  block: MoeBlock,
  states: BatchStates,
  each: EachBatch,
): Promise<void> {
  const session = 'replay/bare';
  const bare = withoutExperts(model, block);
  await engine.open(session, blockGraph(model, bare, { ffnInput: true }, engine.traits));
  try {
    await each((batch, run) => {
      const hold = { hiddenOut: heldName(batch, stateKey), ffnInput: heldName(batch, ffnInputKey) };
      const extraFeeds = { hidden: { held: heldName(batch, hiddenKey(block.index)) } };
      return states.using(batch, { writes: stateKey }, () =>
        states.using(batch, { writes: ffnInputKey }, async () => {
          await run();
          await runBlock(model, bare, session, batch, { extraFeeds, hold });
        }),
      );
    });
  } finally {
    await engine.close(session);
  }
}

async function runExperts(
  { engine, model }: CalibratedModel,
  { index, ffn }: MoeBlock,
  states: BatchStates,
  { signal }: ReplayRequest,
  progress: ReplayProgress,
): Promise<void> {
  const session = 'replay/expert';
  for (const [entry, expert] of ffn.pool.entries()) {
    await engine.open(session, expertGraph(expert, model.config.hiddenSize));
    try {
      await engine.spread(states.batches, async (batch) => {
        throwIfAborted(signal);
        await states.using(batch, { reads: [ffnInputKey], writes: outputKey(entry) }, async () => {
          const feeds = { ffnInput: { held: heldName(batch, ffnInputKey) } };
          const hold = { output: heldName(batch, outputKey(entry)) };
          await batch.worker.run([{ session, feeds, hold }]);
        });
        progress.advance(batch.layout.ids.length / ffn.pool.length, index);
      });
    } finally {
      await engine.close(session);
    }
  }
}

async function forgetLayer({ ffn }: MoeBlock, states: BatchStates): Promise<void> {
  const keys = [stateKey, ffnInputKey, ...ffn.pool.map((_, entry) => outputKey(entry))];
  await Promise.all(
    states.batches.map((batch) => batch.worker.drop(keys.map((key) => heldName(batch, key)))),
  );
}

type ReplayProgress = ReturnType<typeof replayProgress>;

function replayProgress({ progress }: ReplayRequest, total: number) {
  const task = 'Replaying layers';
  let done = 0;
  progress?.({ type: 'start', task, total, unit: 'token-layers' });
  return {
    advance(count: number, layer: number) {
      done += count;
      progress?.({ type: 'advance', task, done: Math.round(done), note: `layer ${layer}` });
    },
    end: () => progress?.({ type: 'end', task }),
  };
}
