import { isStatisticOutput } from '../../decoder/statistics.js';
import { addUp, type PassRequest } from './pass.js';
import { goUpward } from './upward.js';

/** Every token through the experts it is routed to, one block open at a time. */
export async function forwardPass(request: PassRequest): Promise<void> {
  const { statistics } = request;
  await goUpward(request, 'Calibrating', (progress) => ({
    outputs: () => ({ statistics }),
    async visit(block, outputs, each) {
      const fetch = outputs.filter(isStatisticOutput);
      const measured = await each(async (batch, run) => {
        const results = await run({ fetch });
        progress.advance(batch.layout.ids.length, block.index);
        return results;
      });
      if (fetch.length > 0) await request.done(addUp(block.index, measured, fetch));
    },
  }));
}
