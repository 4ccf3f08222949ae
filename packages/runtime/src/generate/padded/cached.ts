import { type Model, throwIfAborted } from '@moepress/core';
import type { Engine } from '../../engine/engine.js';
import type { Step } from '../../engine/protocol.js';
import { int32 } from '../../engine/tensor.js';
import { checkFinite, checkHeadFinite } from '../../forward/finite.js';
import { dropBatch, type HeldBatch, hiddenName, holdBatch } from '../../forward/held.js';
import type { ResidentBlocks } from '../../forward/resident.js';
import { chosenTokens, withLogits } from '../choose.js';
import { Decoding } from '../decoding.js';
import type { SamplingOptions } from '../options.js';
import { lastRows } from '../options.js';
import { promptBatches, sequencesWithin } from './batches.js';
import { type Caches, cachesFor } from './caches.js';
import { nextLayout } from './next.js';

/**
 * Continuation of each prompt by a resident model, greedy where nobody chooses. The end-of-sequence token, where one came, is the last
 * of the new ids.
 */
export async function generatePadded(
  engine: Engine,
  model: Model,
  resident: ResidentBlocks,
  prompts: readonly (readonly number[])[],
  options: SamplingOptions,
): Promise<number[][]> {
  const task = 'Generating';
  const results: number[][] = prompts.map(() => []);
  options.progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
  let done = 0;
  const most = sequencesWithin(engine.cacheBytes, model, prompts, options.maxNewTokens);
  const batches = promptBatches(engine, model, prompts, most);
  const assigned = batches.map((layout, i) => ({ layout, worker: engine.workerFor(i) }));
  const continueBatch = async ({ layout, worker }: (typeof assigned)[number]) => {
    const caches = cachesFor('generate', model, engine.traits);
    const decoding = new Decoding(layout.sequences, layout.lengths, results, options);
    let held: HeldBatch | undefined;
    try {
      await caches.open(worker, layout.sequences.length);
      while (!decoding.isDone) {
        throwIfAborted(options.signal);
        const { past, newest } = decoding;
        const next = nextLayout(decoding, layout);
        held = await holdBatch(worker, 'generate', next, model, { attention: 'padded', past });
        const likeliest = await nextTokens(model, { resident, caches }, held, newest && past);
        const places = decoding.places(likeliest, lastRows(next));
        decoding.take(await chosenTokens(worker, model, hiddenName(held), places, options.chooser));
      }
    } finally {
      if (held) await dropBatch(held);
      await caches.close(worker);
    }
    done += layout.sequences.length;
    options.progress?.({ type: 'advance', task, done });
  };
  await withLogits(engine, model, options.chooser, () => engine.spread(assigned, continueBatch));
  options.progress?.({ type: 'end', task });
  return results;
}

interface Decoder {
  readonly resident: ResidentBlocks;
  readonly caches: Caches;
}

/** Embedding, all blocks and the head as one message to the worker. */
async function nextTokens(
  model: Model,
  { resident, caches }: Decoder,
  batch: HeldBatch,
  past: readonly number[] | null,
): Promise<Int32Array> {
  const { layout, worker } = batch;
  const hidden = hiddenName(batch);
  const steps: Step[] = [
    { session: 'embed', feeds: { ids: int32(layout.ids) }, hold: { hidden } },
    ...model.blocks.map((block) => caches.step(resident.session(block), block, batch, past)),
    {
      session: 'next-token',
      feeds: { hidden: { held: hidden }, rows: int32(lastRows(layout)) },
      fetch: ['token', 'finite'],
    },
  ];
  const fetched = await worker.run(steps);
  for (const [i, block] of model.blocks.entries()) await checkFinite(model, block, fetched[i + 1]!);
  await checkHeadFinite(model, [Number(fetched.at(-1)!.finite!.data[0])]);
  return fetched.at(-1)!.token!.data as Int32Array;
}
