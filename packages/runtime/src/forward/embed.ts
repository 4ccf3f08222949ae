import type { Model } from '@moepress/core';
import { embedGraph } from '../decoder/ends.js';
import type { Engine } from '../engine/engine.js';
import { int32 } from '../engine/tensor.js';
import { type HeldBatch, hiddenName, holdBatch } from './held.js';
import type { Layout } from './layout.js';

/** Spreads batches over the workers; they hold the layouts and no hidden states yet. */
export function holdBatches(
  engine: Engine,
  model: Model,
  layouts: readonly Layout[],
  prefix: string,
): Promise<HeldBatch[]> {
  const assigned = layouts.map((layout, i) => ({
    layout,
    name: `${prefix}/${i}`,
    worker: engine.workerFor(i),
  }));
  return engine.spread(assigned, ({ layout, name, worker }) =>
    holdBatch(worker, name, layout, model, { attention: engine.traits.attention }),
  );
}

/** Calls `use` for every batch; `embed` leaves the batch's embeddings in its worker, held as `name`. */
export async function embedEach(
  engine: Engine,
  model: Model,
  batches: readonly HeldBatch[],
  use: (batch: HeldBatch, embed: (name: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const session = 'embedding';
  await engine.open(session, embedGraph(model));
  try {
    await engine.spread(batches, (batch) =>
      use(batch, async (name) => {
        const feeds = { ids: int32(batch.layout.ids) };
        await batch.worker.run([{ session, feeds, hold: { hidden: name } }]);
      }),
    );
  } finally {
    await engine.close(session);
  }
}

/** Spreads batches over the workers, with their embeddings as hidden states. */
export async function embedBatches(
  engine: Engine,
  model: Model,
  layouts: readonly Layout[],
  prefix: string,
): Promise<HeldBatch[]> {
  const batches = await holdBatches(engine, model, layouts, prefix);
  await embedEach(engine, model, batches, (batch, embed) => embed(hiddenName(batch)));
  return batches;
}
