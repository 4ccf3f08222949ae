import { type Model, throwIfAborted, type Work } from '@moepress/core';
import { lossGradientGraph } from '../decoder/loss-graph.js';
import { nextTokenLoss } from '../decoder/losses.js';
import type { Engine } from '../engine/engine.js';
import { int32, tensor } from '../engine/tensor.js';
import type { HeldBatch } from '../forward/held.js';
import { gradientKey, hiddenKey } from '../states/keys.js';
import { type BatchStates, heldName } from '../states/states.js';

/** Numbers of logits computed at once: about 128 MiB of fp32. */
const logitsBudget = 2 ** 25;

/** How many rows of a sequence of so many tokens go through the head at once. */
export function headRows({ config }: Pick<Model, 'config'>, tokens: number): number {
  const scored = tokens - 1;
  // As many runs as come closest to the budget, since each converts the whole head.
  const runs = Math.max(1, Math.round((scored * config.vocabSize) / logitsBudget));
  return Math.ceil(scored / runs);
}

/** Turns the final hidden states of each sequence into their gradient; yields the mean losses. */
export async function headGradients(
  engine: Engine,
  model: Model,
  states: BatchStates,
  work: Pick<Work, 'signal'>,
): Promise<number[]> {
  const session = 'backward/head';
  const [hidden, gradient] = [hiddenKey(model.blocks.length), gradientKey(model.blocks.length)];
  await engine.open(session, lossGradientGraph(model.config.hiddenSize, nextTokenLoss(model)));
  try {
    return await engine.spread(states.batches, (batch) =>
      states.using(batch, { consumes: [hidden], writes: gradient }, () =>
        headGradient(session, model, batch, { ...work, hidden, gradient }),
      ),
    );
  } finally {
    await engine.close(session);
  }
}

async function headGradient(
  session: string,
  model: Model,
  batch: HeldBatch,
  { signal, ...keys }: Pick<Work, 'signal'> & { readonly hidden: string; readonly gradient: string },
): Promise<number> {
  const [hidden, gradient] = [heldName(batch, keys.hidden), heldName(batch, keys.gradient)];
  const { ids } = batch.layout;
  const scored = ids.length - 1;
  const step = headRows(model, ids.length);
  const dims = [ids.length, model.config.hiddenSize];
  await batch.worker.put(gradient, tensor('float32', dims, new Float32Array(dims[0]! * dims[1]!)));
  let loss = 0;
  for (let from = 0; from < scored; from += step) {
    throwIfAborted(signal);
    const rows = Int32Array.from({ length: Math.min(step, scored - from) }, (_, i) => from + i);
    const pairs = BigInt64Array.from(
      [...rows].flatMap((row, place) => [BigInt(place), BigInt(ids[row + 1]!)]),
    );
    const feeds = {
      hidden: { held: hidden },
      gradient: { held: gradient },
      rows: int32(rows),
      pairs: tensor('int64', [rows.length, 2], pairs),
      scale: tensor('float32', [], Float32Array.of(1 / scored)),
    };
    const hold = { gradientOut: gradient };
    const [results] = await batch.worker.run([{ session, feeds, fetch: ['loss'], hold }]);
    loss += Number(results!.loss!.data[0]);
  }
  return loss / scored;
}
