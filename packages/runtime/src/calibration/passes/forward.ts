import { isStatisticOutput } from '../../decoder/statistics.js';
import { batchSequences, defaultLimits } from '../../forward/layout.js';
import { climb } from '../../states/climb.js';
import { BatchStates } from '../../states/states.js';
import { addUp, layerProgress, type PassRequest, resumeUp, upToLastMoe } from './pass.js';

/** Every token through the experts it is routed to, one block open at a time. */
export async function forwardPass(request: PassRequest): Promise<void> {
  const { engine, statistics, signal, storage } = request;
  const model = upToLastMoe(request.model);
  const layouts = batchSequences(request.sequences, { ...defaultLimits, heads: model.config.heads });
  const progress = layerProgress('Calibrating', request, model.blocks.length);
  try {
    await BatchStates.with(engine, model, layouts, { ...storage, boundaries: 1 }, async (states) => {
      const from = await resumeUp(states, request, progress);
      await climb(engine, model, states, {
        signal,
        from,
        outputs: ({ ffn }) => (ffn.kind === 'moe' ? { statistics } : {}),
        async visit(block, outputs, each) {
          const fetch = outputs.filter(isStatisticOutput);
          const measured = await each(async (batch, run) => {
            const results = await run({ fetch });
            progress.advance(batch.layout.ids.length, block.index);
            return results;
          });
          if (block.ffn.kind === 'moe') await request.done(addUp(block.index, measured, fetch));
        },
      });
    });
  } finally {
    progress.end();
  }
}
