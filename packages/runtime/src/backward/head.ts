import { type Model, throwIfAborted, type Work } from '@moepress/core';
import { headGradientGraph } from '../decoder/head-gradient.js';
import type { Engine } from '../engine/engine.js';
import { int32, tensor } from '../engine/tensor.js';
import { type HeldBatch, hiddenName } from '../forward/held.js';
import { gradientName } from './names.js';

/** Numbers of logits computed at once: 128 MiB of fp32. */
const logitsBudget = 2 ** 25;

/** Leaves the gradient of each sequence's final hidden states in its worker; yields the mean losses. */
export async function headGradients(
  engine: Engine,
  model: Model,
  batches: readonly HeldBatch[],
  work: Work,
): Promise<number[]> {
  const session = 'backward/head';
  const step = Math.max(1, Math.floor(logitsBudget / model.config.vocabSize));
  await engine.open(session, headGradientGraph(model));
  try {
    return await engine.spread(batches, async (batch) => {
      const { ids } = batch.layout;
      const scored = ids.length - 1;
      const dims = [ids.length, model.config.hiddenSize];
      await batch.worker.put(
        gradientName(batch),
        tensor('float32', dims, new Float32Array(dims[0]! * dims[1]!)),
      );
      let loss = 0;
      for (let from = 0; from < scored; from += step) {
        throwIfAborted(work.signal);
        const rows = Int32Array.from({ length: Math.min(step, scored - from) }, (_, i) => from + i);
        const pairs = BigInt64Array.from(
          [...rows].flatMap((row, place) => [BigInt(place), BigInt(ids[row + 1]!)]),
        );
        const feeds = {
          hidden: { held: hiddenName(batch) },
          gradient: { held: gradientName(batch) },
          rows: int32(rows),
          pairs: tensor('int64', [rows.length, 2], pairs),
          scale: tensor('float32', [], Float32Array.of(1 / scored)),
        };
        const hold = { gradientOut: gradientName(batch) };
        const [results] = await batch.worker.run([{ session, feeds, fetch: ['loss'], hold }]);
        loss += Number(results!.loss!.data[0]);
      }
      return loss / scored;
    });
  } finally {
    await engine.close(session);
  }
}
