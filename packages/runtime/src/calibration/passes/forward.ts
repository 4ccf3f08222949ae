import { isStatisticOutput } from '../../decoder/statistics.js';
import { OrderedSums } from '../accumulate.js';
import type { PassRequest } from './pass.js';
import { goUpward } from './upward.js';

/** Every token through the experts it is routed to, one block open at a time. */
export async function forwardPass(request: PassRequest): Promise<void> {
  const { statistics } = request;
  await goUpward(request, 'Calibrating', (progress) => ({
    outputs: () => ({ statistics }),
    async visit(block, outputs, each) {
      const fetch = outputs.filter(isStatisticOutput);
      const measured = new OrderedSums(block.index, fetch);
      await each(async (batch, run, index) => {
        measured.add(index, [await run({ fetch })]);
        progress.advance(batch.layout.ids.length, block.index);
      });
      if (fetch.length > 0) await request.done(measured.sums);
    },
  }));
}
