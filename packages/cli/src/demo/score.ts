import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Model, removedRatios, throwIfAborted } from '@moepress/core';
import { evaluateModel } from '../commands/eval.js';
import type { Context } from '../context.js';
import type { Compressed } from './compress.js';
import type { DemoRow } from './row.js';
import { demoTasks } from './variants.js';

/** Small models gain nothing from threads in their matrix products, so each core scores its own. */
export async function scoreAll(
  base: Model,
  compressed: readonly (
    | Compressed
    | { readonly variant: null; readonly model: Model; readonly bytes: number }
  )[],
  limit: number | undefined,
  { work }: Context,
): Promise<DemoRow[]> {
  const rows = new Array<DemoRow>(compressed.length);
  const task = 'Scoring models';
  work.progress({ type: 'start', task, total: compressed.length, unit: 'models' });
  const queue = compressed.entries();
  const failure = new AbortController();
  const signal = AbortSignal.any([work.signal, failure.signal]);
  let done = 0;
  const lane = async () => {
    for (const [i, { variant, model, bytes }] of queue) {
      throwIfAborted(signal);
      const options = { tasks: demoTasks, threads: 1, ...(limit === undefined ? {} : { limit }) };
      const { record } = await evaluateModel(model, options, { signal });
      rows[i] = { variant, removed: removedRatios(base, model), bytes, results: record.results };
      work.progress({ type: 'advance', task, done: ++done, note: variant?.label ?? 'original' });
    }
  };
  // Lanes end together: their checkpoints are about to be removed.
  const lanes = Array.from({ length: availableParallelism() }, () =>
    lane().catch((error) => failure.abort(error)),
  );
  await Promise.all(lanes);
  if (failure.signal.aborted) throw failure.signal.reason;
  work.progress({ type: 'end', task });
  return rows;
}

/** The embedded folder holds tasks and a recipe too, which no written checkpoint does. */
export async function checkpointBytes({ source }: Model): Promise<number> {
  const files = [
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ];
  const sizes = await Promise.all(files.map((file) => stat(join(source.directory, file))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
