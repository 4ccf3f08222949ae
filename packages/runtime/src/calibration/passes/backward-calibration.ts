import { MoepressError } from '@moepress/core';
import { backwardPass as differentiateModel } from '../../backward/backward-pass.js';
import { isStatisticOutput } from '../../decoder/statistics.js';
import { streamedRun } from '../../forward/model-run.js';
import { OrderedSums } from '../layer-sums.js';
import { isMeasuredBy, layerProgress, type PassRequest } from './pass-request.js';

/** The gradients of each sequence's mean token cross-entropy, over the tokens that count, from the last block down to the first that is measured. */
export async function backwardPass(request: PassRequest): Promise<void> {
  const { engine, scope, model, statistics, signal, storage, isKnown } = request;
  const hasLoss = request.sequences.map((ids, i) =>
    (request.counted?.[i] ?? [[0, ids.length]]).some(([from, to]) => to > Math.max(1, from)),
  );
  const sequences = request.sequences.filter((_, i) => hasLoss[i]);
  const counted = request.counted?.filter((_, i) => hasLoss[i]);
  if (sequences.length === 0) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message:
        'No sequence has a token after its first whose loss counts, so there is nothing to differentiate.',
    });
  }
  const lowest = model.blocks.findIndex(isMeasuredBy(statistics));
  const progress = layerProgress('Differentiating', request, 2 * model.blocks.length - lowest);
  let sums: OrderedSums | null = null;
  try {
    await differentiateModel(streamedRun(engine, scope, model), sequences, {
      signal,
      storage,
      isKnown,
      counted,
      statistics,
      lowest,
      advance: progress.advance,
      skip: progress.skip,
      measured(block, index, results) {
        const outputs = Object.keys(results).filter(isStatisticOutput);
        if (sums?.sums.layer !== block.index) sums = new OrderedSums(block.index, outputs, statistics);
        sums.add(index, [results]);
      },
      async visit() {
        const measured = sums?.sums;
        sums = null;
        if (measured && measured.names.length > 0) await request.done(measured);
      },
    });
  } finally {
    progress.end();
  }
}
