import {
  type Block,
  type CalibrationSet,
  type Model,
  MoepressError,
  type Statistic,
  type Work,
} from '@moepress/core';
import { begin, planJobs } from '../engine/arrange.js';
import type { Engine } from '../engine/engine.js';
import type { EngineScope } from '../engine/scope.js';
import { type ModelRun, streamedRun } from '../forward/model-run.js';
import { BatchStates } from '../states/batch-states.js';
import { runForwardPass } from '../states/forward-pass.js';
import { batchSequences } from '../tokens/batch-sequences.js';
import { LayerSums } from './layer-sums.js';
import { passJob } from './pass-memory.js';
import { allExpertsSteps } from './passes/all-experts-calibration.js';
import { forwardSteps, type PassSteps } from './passes/forward-calibration.js';
import { isMeasuredBy, type LayerProgress, layerProgress, type PassRequest } from './passes/pass-request.js';
import { checkSet } from './set.js';

export interface CalibrateInOrderRequest extends Work {
  readonly model: Model;
  readonly set: CalibrationSet;
  readonly statistics: readonly Statistic[];
  /** Bytes that the hidden states may take before they move to files; by default what the engine's memory allows. */
  readonly carried?: number | undefined;
  /**
   * Called for each block in which something is measured, from the first one up, with what was measured there: gives the block
   * through which the tokens go on.
   */
  decide(block: Block, measured: LayerSums): Promise<Block>;
}

const task = 'Calibrating layer by layer';

/**
 * Measures each block on what the blocks below it give once they have been decided about, instead of on what they gave in the
 * original: the tokens go through a block as it is, which is measured, and then through what `decide` makes of it. As in
 * `calibrate`, one block is open at a time and hidden states move to files where memory is scarce, so a block costs twice the
 * time and nothing more. Nothing is kept in a store, because what is measured depends on what was decided. Throws what
 * `calibrate` throws, and `CALIBRATION_INVALID` for statistics of gradients, which depend on all blocks above, too.
 */
export async function calibrateInOrder(engine: Engine, request: CalibrateInOrderRequest): Promise<void> {
  const { model, set, statistics, progress, signal } = request;
  checkSet(model, set);
  checkPasses(statistics);
  const { sequences } = set;
  await engine.turn(async () => {
    const work = (['forward', 'all-experts'] as const).map((pass) => ({
      ...{ pass, model, sequences },
      statistics: statistics.filter((one) => one.pass === pass),
    }));
    const needed = work.filter((one) => one.statistics.length > 0);
    const jobs = needed.map((one) => passJob(engine, one));
    const plans = planJobs(engine, jobs);
    // The pass that takes most decides for both, which go side by side through the blocks.
    const most = plans.reduce(
      (a, plan, i) => ((plan?.predicted ?? 0) > (plans[a]?.predicted ?? 0) ? i : a),
      0,
    );
    await begin(engine, jobs[most]!, plans[most]!, progress);
    const beside = (block: Block, sums: LayerSums) =>
      engine.beside(plans[most]?.predicted ?? 0, () => request.decide(block, sums));
    await engine.inScope((scope) => walk({ engine, scope, request, passes: needed, beside }));
  }, signal);
}

interface Walk {
  readonly engine: Engine;
  readonly scope: EngineScope;
  readonly request: CalibrateInOrderRequest;
  readonly passes: readonly {
    readonly pass: 'forward' | 'all-experts';
    readonly statistics: readonly Statistic[];
  }[];
  /** Decides about a block, with room for what that takes. */
  beside(block: Block, measured: LayerSums): Promise<Block>;
}

async function walk({ engine, scope, request, passes, beside }: Walk): Promise<void> {
  const { model, set, statistics, carried, progress, signal } = request;
  const isMeasured = isMeasuredBy(statistics);
  const last = model.blocks.findLastIndex(isMeasured);
  const blocks = model.blocks.slice(0, last + 1);
  const measured = blocks.filter(isMeasured).length;
  const storage = { folder: null, memory: carried ?? engine.carriedBytes };
  const passRequest = (own: readonly Statistic[], done: PassRequest['done']): PassRequest => ({
    ...{ engine, scope, model, storage, progress, signal, done },
    ...{ sequences: set.sequences, counted: set.counted, statistics: own },
    isKnown: () => false,
  });
  const steps = blocks.length + measured * passes.length - 1;
  const told = layerProgress(
    task,
    passRequest([], async () => {}),
    Math.max(1, steps),
  );
  const layouts = batchSequences(set.sequences, { ...engine.limits, heads: model.config.heads });
  const on = (own: readonly Block[], outputs?: ModelRun['outputs']) =>
    streamedRun(engine, scope, { ...model, blocks: own }, outputs);
  try {
    await BatchStates.with(on(blocks), layouts, { ...storage, boundaries: 2 }, async (states) => {
      await runForwardPass(on([]), states, { from: null, visit: async () => {}, signal });
      for (const [from, block] of blocks.entries()) {
        const below = blocks.slice(0, from);
        const through = (next: Block, steps: PassSteps, keeps: boolean) =>
          runForwardPass(on([...below, next], steps.outputs), states, {
            ...{ from, visit: steps.visit, keeps: () => keeps, signal },
          });
        let next = block;
        if (isMeasured(block)) {
          const sums = new LayerSums(block.index);
          for (const { pass, statistics: own } of passes) {
            const asked = passRequest(own, async (found) => sums.merge(found));
            const steps = pass === 'forward' ? forwardSteps(asked, told) : allExpertsSteps(asked, told);
            await through(block, steps, true);
          }
          next = await beside(block, sums);
        }
        // Nothing is measured above the last block, so nobody asks what it would give.
        if (from < last) await through(next, onwards(told), false);
      }
    });
  } finally {
    told.end();
  }
}

/** Takes the batches through a block and measures nothing. */
const onwards = (progress: LayerProgress): PassSteps => ({
  outputs: () => ({}),
  async visit(block, _, each) {
    await each(async (batch, run) => {
      await run();
      progress.advance(batch.layout.ids.length, block.index);
    });
  },
});

function checkPasses(statistics: readonly Statistic[]): void {
  const gradient = statistics.find(({ pass }) => pass === 'backward');
  if (!gradient) return;
  throw new MoepressError('CALIBRATION_INVALID', {
    message: `${gradient.name} is measured with gradients, which come from all layers above: it cannot be measured while these are undecided.`,
    where: 'propagate',
    hint: 'Leave out `propagate`, or choose a method that measures without gradients.',
  });
}
