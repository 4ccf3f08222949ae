import { type CompareRequest, type Criterion, throwIfAborted, type ViewDistances } from '@moepress/core';
import { blockGraph } from '../../decoder/block.js';
import { arrangeFor } from '../../engine/arrange.js';
import type { TensorHandle } from '../../engine/handles.js';
import { closing } from '../../engine/scope.js';
import { embedEach, type ModelRun, runBlock, streamedRun } from '../../forward/model-run.js';
import { walkBlocks } from '../../forward/walk-blocks.js';
import { freeBatches, placeBatches, type WorkerBatch } from '../../forward/worker-batch.js';
import type { Layout } from '../../tokens/token-layout.js';
import { type CalibratedModel, layoutsOf, sequencesIn, tokensIn } from '../calibrated-model.js';
import { addUp, finalDistanceGraph, sumDistances } from '../distance.js';
import { comparisonJob } from './comparison-memory.js';
import { blockRunsOf, mostStates, type SharedWalk, sharedWalk } from './shared-walk.js';

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
  return engine.turn(async () => {
    await arrangeFor(engine, comparisonJob(bound, walk, criterion), progress);
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
      progress?.({ type: 'advance', task, done: Math.floor(done / blockRuns) });
    };
    progress?.({ type: 'start', task, total: tokensIn(layouts), unit: 'tokens' });
    try {
      const sums = await engine.inScope(async (scope) => {
        const run = streamedRun(engine, scope, model);
        const compared = { run, walk, criterion, sequences: sequencesIn(layouts), advance };
        const parts: Float64Array[] = [];
        for (const group of groups) parts.push(await compareGroup(compared, group));
        return parts;
      });
      const distances = addUp(sums);
      return { distances: Float64Array.from(walk.states, (state) => distances[state]!), blockRuns };
    } finally {
      progress?.({ type: 'end', task });
    }
  }, signal);
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

/** What batches go through, and how they are compared in the end. */
interface Comparing {
  readonly run: ModelRun;
  readonly walk: SharedWalk;
  readonly criterion: Criterion;
  /** The number of sequences in all groups together. */
  readonly sequences: number;
  advance(tokens: number): void;
}

/** A batch and its states at the depth that the walk has come to, by their numbers. */
interface ViewBatch {
  readonly batch: WorkerBatch;
  readonly worker: WorkerBatch['worker'];
  states: readonly TensorHandle[];
}

/** The share of some batches in the distance of each final state. */
async function compareGroup(comparing: Comparing, layouts: readonly Layout[]): Promise<Float64Array> {
  const { run } = comparing;
  const batches = await placeBatches(run, layouts, 'compare');
  // The state that all views begin with is the batch's own.
  const own = batches.map((batch): ViewBatch => ({ batch, worker: batch.worker, states: [batch.hidden] }));
  const compare = async () => {
    await embedEach(run, batches);
    await takeForward(comparing, own);
    return await measureStates(comparing, own);
  };
  return closing(compare, async () => {
    await run.scope.free(own.flatMap(({ states }) => states));
    await freeBatches(run.scope, batches);
  });
}

/** Takes all states of the batches through all forms of all blocks. */
async function takeForward({ run, walk, advance }: Comparing, batches: readonly ViewBatch[]): Promise<void> {
  const { engine, model, scope } = run;
  const steps = walk.layers.flatMap((forms, layer) =>
    forms.map(({ block, moves }, form) => ({
      ...{ block, moves, layer },
      isFirst: form === 0,
      isLast: form === forms.length - 1,
      name: `block.${layer}/form.${form}`,
      graph: () => blockGraph(model, block, {}, engine.traits),
    })),
  );
  const after = new Map<ViewBatch, TensorHandle[]>();
  await walkBlocks(run.sessions, steps, async ({ block, moves, layer, isFirst, isLast }, session) => {
    await engine.spread(batches, async (one) => {
      const { batch, worker } = one;
      if (isFirst) {
        const count = walk.counts[layer + 1]!;
        const names = Array.from(
          { length: count },
          (_, state) => `${batch.name}/state.${layer + 1}.${state}`,
        );
        after.set(
          one,
          names.map((name) => scope.tensor(worker, name)),
        );
      }
      for (const { from, to } of moves) {
        const [hidden, hiddenOut] = [one.states[from]!, after.get(one)![to]!];
        await runBlock(run, { block, session, batch, hidden, hiddenOut });
        advance(batch.layout.ids.length);
      }
    });
    if (!isLast) return;
    for (const one of batches) {
      await scope.free(one.states);
      one.states = after.get(one)!;
    }
  });
}

/** Distances of the final states, that of the unchanged model first. */
async function measureStates(
  { run: { engine, scope, model }, walk, criterion, sequences }: Comparing,
  batches: readonly ViewBatch[],
): Promise<Float64Array> {
  const { hiddenSize } = model.config;
  const numbers = Array.from({ length: walk.counts[model.blocks.length]! }, (_, state) => state);
  return scope.with(finalDistanceGraph(model, criterion, numbers), async (session) => {
    const sums = await engine.spread(batches, ({ batch, states: own }) => {
      const states = Object.fromEntries(own.map((state, i) => [`state.${i}`, state]));
      return sumDistances({ session, batch, states, hiddenSize, sequences });
    });
    return addUp(sums);
  });
}
