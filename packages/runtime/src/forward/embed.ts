import type { Model } from '@moepress/core';
import { embedGraph } from '../decoder/ends.js';
import type { Engine } from '../engine/engine.js';
import { int32 } from '../engine/tensor.js';
import { type HeldBatch, hiddenName, holdBatch } from './held.js';
import type { Layout } from './layout.js';

/** Hands batches to the engine with their embeddings as hidden states. */
export async function embedBatches(
  engine: Engine,
  model: Model,
  layouts: readonly Layout[],
  prefix: string,
): Promise<HeldBatch[]> {
  const session = `${prefix}/embed`;
  await engine.open(session, embedGraph(model));
  try {
    const batches: HeldBatch[] = [];
    for (const [i, layout] of layouts.entries()) {
      const batch = await holdBatch(engine, `${prefix}/${i}`, layout, model.config.rope);
      await engine.run([{ session, feeds: { ids: int32(layout.ids) }, hold: { hidden: hiddenName(batch) } }]);
      batches.push(batch);
    }
    return batches;
  } finally {
    await engine.close(session);
  }
}
