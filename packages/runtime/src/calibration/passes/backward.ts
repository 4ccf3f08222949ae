import { MoepressError } from '@moepress/core';
import { backwardPass as differentiateModel } from '../../backward/pass.js';
import { isStatisticOutput } from '../../decoder/statistics.js';
import { addUp, isMeasuredBy, layerProgress, type PassRequest } from './pass.js';

/** The gradients of each sequence's mean token cross-entropy, from the last block down to the first that is measured. */
export async function backwardPass(request: PassRequest): Promise<void> {
  const { engine, model, statistics, signal, storage, isKnown } = request;
  const sequences = request.sequences.filter((ids) => ids.length > 1);
  if (sequences.length === 0) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message: 'No sequence has a second token, so there is no loss to differentiate.',
    });
  }
  const lowest = model.blocks.findIndex(isMeasuredBy(statistics));
  const progress = layerProgress('Differentiating', request, 2 * model.blocks.length - lowest);
  try {
    await differentiateModel(engine, model, sequences, {
      signal,
      storage,
      isKnown,
      statistics,
      lowest,
      advance: progress.advance,
      skip: progress.skip,
      async visit(block, measured) {
        const outputs = Object.keys(measured[0]!).filter(isStatisticOutput);
        if (outputs.length > 0) await request.done(addUp(block.index, measured, outputs));
      },
    });
  } finally {
    progress.end();
  }
}
