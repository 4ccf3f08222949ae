import type { Model } from '@moepress/core';
import { embedGraph } from '../decoder/ends.js';
import type { Engine } from '../engine/engine.js';
import { int32 } from '../engine/tensor.js';
import { type HeldBatch, hiddenName, holdBatch } from './held.js';
import type { Layout } from './layout.js';

/** Spreads batches over the workers, with their embeddings as hidden states. */
export async function embedBatches(
  engine: Engine,
  model: Model,
  layouts: readonly Layout[],
  prefix: string,
): Promise<HeldBatch[]> {
  const session = `${prefix}/embed`;
  await engine.open(session, embedGraph(model));
  try {
    const assigned = layouts.map((layout, i) => ({
      layout,
      name: `${prefix}/${i}`,
      worker: engine.workerFor(i),
    }));
    return await engine.spread(assigned, async ({ layout, name, worker }) => {
      const batch = await holdBatch(worker, name, layout, model.config.rope);
      await worker.run([{ session, feeds: { ids: int32(layout.ids) }, hold: { hidden: hiddenName(batch) } }]);
      return batch;
    });
  } finally {
    await engine.close(session);
  }
}
