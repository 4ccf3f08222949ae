import { isStatisticOutput } from '../../decoder/statistics.js';
import { addUp, type PassRequest } from './pass.js';
import { goUpward } from './upward.js';

/** Every token through the experts it is routed to, one block open at a time. */
export async function forwardPass(request: PassRequest): Promise<void> {
  const { statistics } = request;
  await goUpward(request, 'Calibrating', (progress) => ({
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
  }));
}
