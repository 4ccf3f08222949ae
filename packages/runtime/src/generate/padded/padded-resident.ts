import { throwIfAborted } from '@moepress/core';
import { embedGraph } from '../../decoder/embedding.js';
import { nextTokenHeadGraph } from '../../decoder/lm-head.js';
import type { Step } from '../../engine/handles.js';
import { int32 } from '../../engine/protocol.js';
import { closing } from '../../engine/scope.js';
import { assertFinite, assertHeadFinite } from '../../forward/finite.js';
import { blockName, graphOf, type ModelRun } from '../../forward/model-run.js';
import { freeBatches, placeBatch, type WorkerBatch } from '../../forward/worker-batch.js';
import { withPicker } from '../choose.js';
import { Decoding, lastRows, type SamplingOptions } from '../decoding.js';
import { nextLayout, promptBatches, sequencesWithin } from './padded-batches.js';
import { PaddedCaches } from './padded-caches.js';

/**
 * Continuation of each prompt by a resident model, greedy where nobody chooses. The end-of-sequence token, where one came, is the last
 * of the new ids.
 */
export async function generatePadded(
  run: ModelRun,
  prompts: readonly (readonly number[])[],
  memory: number,
  options: SamplingOptions,
): Promise<number[][]> {
  const { engine, model, scope } = run;
  const task = 'Generating';
  const results: number[][] = prompts.map(() => []);
  options.progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
  let done = 0;
  const most = sequencesWithin(memory, model, prompts, options.maxNewTokens);
  const batches = promptBatches(engine, model, prompts, most);
  const assigned = batches.map((layout, i) => ({ layout, worker: engine.workerFor(i) }));
  await withPicker(run.sessions, model, options.chooser, (picker) =>
    engine.spread(assigned, async ({ layout, worker }) => {
      const caches = new PaddedCaches(run, worker, 'generate');
      const decoding = new Decoding(layout.sequences, layout.lengths, results, options);
      const nextToken = async () => {
        const { past, newest } = decoding;
        const next = nextLayout(decoding, layout);
        const placement = {
          worker,
          model,
          name: 'generate',
          layout: next,
          attention: 'padded',
          past,
        } as const;
        const batch = await placeBatch(scope, placement);
        const generateIn = async () => {
          const likeliest = await nextTokens(run, caches, batch, newest && past);
          const places = decoding.places(likeliest, lastRows(next));
          decoding.take(await picker.pick(batch.hidden, places));
        };
        await closing(generateIn, () => freeBatches(scope, [batch]));
      };
      const continueBatch = async () => {
        await caches.open(layout.sequences.length);
        while (!decoding.isDone) {
          throwIfAborted(options.signal);
          await nextToken();
        }
      };
      await closing(continueBatch, () => caches.free());
      done += layout.sequences.length;
      options.progress?.({ type: 'advance', task, done });
    }),
  );
  options.progress?.({ type: 'end', task });
  return results;
}

/** Embedding, all blocks and the head as one message to the worker. */
async function nextTokens(
  run: ModelRun,
  caches: PaddedCaches,
  batch: WorkerBatch,
  past: readonly number[] | null,
): Promise<Int32Array> {
  const { model, sessions } = run;
  const { layout, worker, hidden } = batch;
  const embed = await sessions.open('embed', () => embedGraph(model));
  const head = await sessions.open('next-token', () => nextTokenHeadGraph(model));
  const steps: Step[] = [{ session: embed, feeds: { ids: int32(layout.ids) }, keep: { hidden } }];
  for (const block of model.blocks) {
    const session = await sessions.open(blockName(block), () => graphOf(run, block));
    steps.push(caches.step(session, block, batch, past));
  }
  const feeds = { hidden, rows: int32(lastRows(layout)) };
  steps.push({ session: head, feeds, fetch: ['token', 'finite'] });
  const fetched = await worker.run(steps);
  for (const [i, block] of model.blocks.entries()) await assertFinite(model, block, fetched[i + 1]!);
  await assertHeadFinite(model, [Number(fetched.at(-1)!.finite!.data[0])]);
  return fetched.at(-1)!.token!.data as Int32Array;
}
