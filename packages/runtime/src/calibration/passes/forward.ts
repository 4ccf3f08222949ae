import { throwIfAborted } from '@moepress/core';
import { isStatisticOutput } from '../../decoder/statistics.js';
import { runBlock, streamedBlocks } from '../../forward/blocks.js';
import { embedBatches } from '../../forward/embed.js';
import { dropBatch } from '../../forward/held.js';
import { batchSequences, defaultLimits } from '../../forward/layout.js';
import { addUp, layerProgress, type PassRequest, upToLastMoe } from './pass.js';

/** Every token through the experts it is routed to, one block open at a time. */
export async function forwardPass(request: PassRequest): Promise<void> {
  const { engine, statistics, signal } = request;
  const model = upToLastMoe(request.model);
  const layouts = batchSequences(request.sequences, { ...defaultLimits, heads: model.config.heads });
  const progress = layerProgress('Calibrating', request, model.blocks.length);
  const batches = await embedBatches(engine, model, layouts, 'calibrate');
  try {
    const blocks = streamedBlocks(engine, model, ({ ffn }) => (ffn.kind === 'moe' ? { statistics } : {}));
    await blocks.each(async (block, session, outputs) => {
      const fetch = outputs.filter(isStatisticOutput);
      const measured = await engine.spread(batches, async (batch) => {
        throwIfAborted(signal);
        const results = await runBlock(model, block, session, batch, { fetch });
        progress.advance(batch.layout.ids.length, block.index);
        return results;
      });
      if (block.ffn.kind === 'moe') request.done(addUp(block.index, measured, fetch));
    }, request);
  } finally {
    await Promise.all(batches.map((batch) => dropBatch(batch)));
    progress.end();
  }
}
