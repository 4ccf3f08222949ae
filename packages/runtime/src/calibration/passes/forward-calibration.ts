import type { TokenRange } from '@moepress/core';
import { isStatisticOutput } from '../../decoder/statistics.js';
import { int32 } from '../../engine/protocol.js';
import { type ModelRun, streamedRun } from '../../forward/model-run.js';
import { BatchStates } from '../../states/batch-states.js';
import { type ForwardPass, runForwardPass } from '../../states/forward-pass.js';
import { batchSequences } from '../../tokens/batch-sequences.js';
import { type Layout, rowOf } from '../../tokens/token-layout.js';
import { OrderedSums } from '../layer-sums.js';
import {
  type LayerProgress,
  layerProgress,
  type PassRequest,
  resumeUp,
  upToLastMeasured,
} from './pass-request.js';

/** What the graphs of the blocks yield in a pass upwards, and what the pass does in each block. */
export type PassSteps = Pick<ModelRun, 'outputs'> & Pick<ForwardPass, 'visit'>;

/** Every token through the experts it is routed to, one block open at a time. */
export async function forwardPass(request: PassRequest): Promise<void> {
  await forwardCalibration(request, 'Calibrating', (progress) => forwardSteps(request, progress));
}

/** Measures statistics of this pass in each block. */
export function forwardSteps(request: PassRequest, progress: LayerProgress): PassSteps {
  const { statistics, counted } = request;
  return {
    outputs: () => ({ statistics, counted: counted !== undefined }),
    async visit(block, outputs, each) {
      const fetch = outputs.filter(isStatisticOutput);
      const measured = new OrderedSums(block.index, fetch, statistics);
      await each(async (batch, run, index) => {
        const rows = counted && fetch.length > 0 ? countedRows(batch.layout, counted) : null;
        if (rows?.length === 0) {
          // A graph cannot be without rows; what it says of one is not read.
          await run({ feeds: { counted: int32([0]) } });
          measured.add(index, []);
        } else {
          measured.add(index, [await run({ fetch, ...(rows && { feeds: { counted: int32(rows) } }) })]);
        }
        progress.advance(batch.layout.ids.length, block.index);
      });
      if (fetch.length > 0) await request.done(measured.sums);
    },
  };
}

/** The rows of a batch whose tokens count. */
export function countedRows(layout: Layout, counted: readonly (readonly TokenRange[])[]): number[] {
  return layout.sequences.flatMap((sequence, b) =>
    counted[sequence]!.flatMap(([from, to]) =>
      Array.from({ length: to - from }, (_, i) => rowOf(layout, b, from + i)),
    ),
  );
}

/**
 * Takes the calibration tokens forward to the last block that is measured, going on where a killed run came to. `task`
 * names the pass to the user; `steps` says what the graphs of the blocks yield and what the pass does in each block.
 */
export async function forwardCalibration(
  request: PassRequest,
  task: string,
  steps: (progress: LayerProgress) => PassSteps,
): Promise<void> {
  const { engine, scope, signal, storage } = request;
  const model = upToLastMeasured(request);
  const layouts = batchSequences(request.sequences, { ...engine.limits, heads: model.config.heads });
  const progress = layerProgress(task, request, model.blocks.length);
  const { outputs, visit } = steps(progress);
  const run = streamedRun(engine, scope, model, outputs);
  try {
    await BatchStates.with(run, layouts, { ...storage, boundaries: 1 }, async (states) => {
      const from = await resumeUp(states, request, progress);
      await runForwardPass(run, states, { visit, from, signal });
    });
  } finally {
    progress.end();
  }
}
