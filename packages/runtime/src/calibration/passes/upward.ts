import { batchSequences } from '../../forward/batches.js';
import { type Climb, climb } from '../../states/climb.js';
import { BatchStates } from '../../states/states.js';
import { type LayerProgress, layerProgress, type PassRequest, resumeUp, upToLastMeasured } from './pass.js';

/**
 * Takes the calibration tokens up to the last block that is measured, going on where a killed run came to. `task`
 * names the pass to the user; `steps` says what it does in each block.
 */
export async function goUpward(
  request: PassRequest,
  task: string,
  steps: (progress: LayerProgress) => Pick<Climb, 'outputs' | 'visit'>,
): Promise<void> {
  const { engine, signal, storage } = request;
  const model = upToLastMeasured(request);
  const layouts = batchSequences(request.sequences, { ...engine.limits, heads: model.config.heads });
  const progress = layerProgress(task, request, model.blocks.length);
  try {
    await BatchStates.with(engine, model, layouts, { ...storage, boundaries: 1 }, async (states) => {
      const from = await resumeUp(states, request, progress);
      await climb(engine, model, states, { ...steps(progress), from, signal });
    });
  } finally {
    progress.end();
  }
}
