import {
  type CompareRequest,
  type Criterion,
  type Model,
  throwIfAborted,
  type ViewDistances,
} from '@moepress/core';
import { blockGraph } from '../../decoder/block.js';
import type { Engine } from '../../engine/engine.js';
import { runBlock } from '../../forward/blocks.js';
import { embedEach, holdBatches } from '../../forward/embed.js';
import { dropBatch, type HeldBatch } from '../../forward/held.js';
import type { Layout } from '../../forward/layout.js';
import { arrangeFor } from '../../memory/arrange.js';
import { comparison } from '../../memory/services.js';
import { type CalibratedModel, layoutsOf, sequencesIn, tokensIn } from '../calibration.js';
import { addUp, sumDistances } from '../distance.js';
import { finalDistanceGraph } from './graphs.js';
import { blockRunsOf, mostStates, type SharedWalk, sharedWalk } from './walk.js';

/**
 * See `MethodTools.compareViews`. Layer by layer, each form of a block is opened once and takes all states
 * further that need it; the batches go up in groups whose states fit into the memory.
 * Throws `PLAN_INVALID` for views that are none, `MEMORY_EXCEEDED` if it does not fit into the engine's memory.
 */
export async function compareViews(
  bound: CalibratedModel,
  { views, criterion, progress, signal }: CompareRequest,
): Promise<ViewDistances> {
  const { engine, model } = bound;
  const walk = sharedWalk(model, views);
  await arrangeFor(engine, comparison(bound, walk, criterion), progress);
  const { carried = engine.carriedBytes } = bound;
  const blockRuns = blockRunsOf(walk);
  const layouts = layoutsOf(bound);
  const bytesPerToken = mostStates(walk) * model.config.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  const groups = groupWithin(layouts, carried / bytesPerToken);
  const task = 'Comparing views';
  let done = 0;
  const advance = (tokens: number) => {
    throwIfAborted(signal);
    done += tokens;
    progress?.({ type: 'advance', task, done });
  };
  progress?.({ type: 'start', task, total: blockRuns * tokensIn(layouts), unit: 'token-layers' });
  try {
    const sequences = sequencesIn(layouts);
    const sums: Float64Array[] = [];
    for (const group of groups)
      sums.push(await compareGroup(bound, walk, criterion, group, sequences, advance));
    const distances = addUp(sums);
    return { distances: Float64Array.from(walk.states, (state) => distances[state]!), blockRuns };
  } finally {
    progress?.({ type: 'end', task });
  }
}

/** Batches in groups of at most so many tokens; one that has more is a group of its own. */
function groupWithin(layouts: readonly Layout[], tokens: number): Layout[][] {
  const groups: Layout[][] = [];
  let room = 0;
  for (const layout of layouts) {
    room -= layout.ids.length;
    if (groups.length === 0 || room < 0) {
      groups.push([]);
      room = tokens - layout.ids.length;
    }
    groups.at(-1)!.push(layout);
  }
  return groups;
}

/** The share of some batches in the distance of each final state. */
async function compareGroup(
  { engine, model }: CalibratedModel,
  walk: SharedWalk,
  criterion: Criterion,
  layouts: readonly Layout[],
  sequences: number,
  advance: (tokens: number) => void,
): Promise<Float64Array> {
  const batches = await holdBatches(engine, model, layouts, 'compare');
  try {
    await embedEach(engine, model, batches, (batch, embed) => embed(stateName(batch, 0, 0)));
    for (const layer of walk.layers.keys()) {
      await climbLayer(engine, model, walk, layer, batches, advance);
    }
    return await measureStates(engine, model, walk, criterion, batches, sequences);
  } finally {
    const names = (batch: HeldBatch) =>
      walk.counts.flatMap((count, depth) =>
        Array.from({ length: count }, (_, state) => stateName(batch, depth, state)),
      );
    await Promise.all(batches.flatMap((batch) => [batch.worker.drop(names(batch)), dropBatch(batch)]));
  }
}

const stateName = (batch: HeldBatch, depth: number, state: number): string =>
  `${batch.name}/state.${depth}.${state}`;

async function climbLayer(
  engine: Engine,
  model: Model,
  { layers, counts }: SharedWalk,
  layer: number,
  batches: readonly HeldBatch[],
  advance: (tokens: number) => void,
): Promise<void> {
  const session = 'compare/block';
  for (const { block, moves } of layers[layer]!) {
    await engine.open(session, blockGraph(model, block, {}, engine.traits));
    try {
      await engine.spread(batches, async (batch) => {
        for (const { from, to } of moves) {
          await runBlock(model, block, session, batch, {
            extraFeeds: { hidden: { held: stateName(batch, layer, from) } },
            hold: { hiddenOut: stateName(batch, layer + 1, to) },
          });
          advance(batch.layout.ids.length);
        }
      });
    } finally {
      await engine.close(session);
    }
  }
  const before = Array.from({ length: counts[layer]! }, (_, state) => state);
  await Promise.all(
    batches.map((batch) => batch.worker.drop(before.map((state) => stateName(batch, layer, state)))),
  );
}

/** Distances of the final states, that of the unchanged model first. */
async function measureStates(
  engine: Engine,
  model: Model,
  { counts }: SharedWalk,
  criterion: Criterion,
  batches: readonly HeldBatch[],
  sequences: number,
): Promise<Float64Array> {
  const depth = model.blocks.length;
  const { hiddenSize } = model.config;
  const states = Array.from({ length: counts[depth]! }, (_, state) => state);
  const session = 'compare/distance';
  await engine.open(session, finalDistanceGraph(model, criterion, states));
  try {
    const sums = await engine.spread(batches, (batch) => {
      const held = states.map((state) => [`state.${state}`, stateName(batch, depth, state)]);
      return sumDistances(session, batch, Object.fromEntries(held), hiddenSize, sequences);
    });
    return addUp(sums);
  } finally {
    await engine.close(session);
  }
}
