import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Model, removedRatios, type Work } from '@moepress/core';
import { inLanes } from '../../src/experiments/concurrency.js';
import { evaluateModel } from '../commands/eval-command.js';
import type { Context } from '../context.js';
import type { Compressed } from './demo-compress.js';
import type { DemoRow } from './demo-row.js';
import { demoTasks } from './demo-variants.js';

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
  const entries = [...compressed.entries()];
  let done = 0;
  const score = async ([i, { variant, model, bytes }]: (typeof entries)[number], own: Work) => {
    const options = { tasks: demoTasks, threads: 1, limit };
    const { record } = await evaluateModel(model, options, own);
    rows[i] = { variant, removed: removedRatios(base, model), bytes, results: record.results };
    work.progress({ type: 'advance', task, done: ++done, note: variant?.label ?? 'original' });
  };
  await inLanes(entries, availableParallelism(), work.signal, score);
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
