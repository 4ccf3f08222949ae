import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { asWriteError, openModel } from '@moepress/checkpoint';
import { applyPlan, type Model, parseOptions, removedRatios, throwIfAborted } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { calibrate, Engine, planCompression } from '@moepress/runtime';
import type { Context } from '../context.js';
import { cells, columns, type DemoRow } from '../demo/row.js';
import { demoTasks, labelOf, type Variant, variants } from '../demo/variants.js';
import { checkCheckpointOutput } from '../output.js';
import { calibrationSet } from '../source/calibration.js';
import { embeddedName, openBase } from '../source/model.js';
import { formatTable } from '../table.js';
import { evaluateModel } from './eval.js';

export interface DemoOptions {
  /** Keeps the compressed checkpoints there; a temporary folder is removed otherwise. */
  readonly out?: string;
  /** Documents of each task, for a first look. */
  readonly limit?: number;
}

/**
 * `moepress demo`: the main job on the embedded model. Measures once, compresses with every method
 * at two ratios, writes each checkpoint, opens it again and scores it.
 */
export async function demo(options: DemoOptions, context: Context): Promise<void> {
  if (options.out === undefined) await inTemporaryFolder((folder) => demoIn(folder, options, context));
  else await demoIn(resolve(options.out), options, context);
}

async function demoIn(folder: string, options: DemoOptions, context: Context): Promise<void> {
  await Promise.all(variants.map((variant) => checkCheckpointOutput(folderOf(folder, variant))));
  const base = await openBase(embeddedName, context.work);
  const checkpoints = await compressAll(base, folder, context);
  const rows = await scoreAll(base, checkpoints, options, context);
  const text = [
    `tiny: ${base.config.experts} experts in each of ${base.blocks.length} layers, top-${base.config.topK}`,
    '',
    formatTable(columns, rows.map(cells)),
    '',
    'Chance: 0 for tiny_gsm, 0.25 for the others. ± is the standard error over the documents.',
    ...(options.out === undefined ? [] : [`The checkpoints are in ${folder}.`]),
  ];
  context.print(text.join('\n'), rows);
}

async function inTemporaryFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const parent = tmpdir();
  const folder = await mkdtemp(join(parent, 'moepress-demo-')).catch((cause) => {
    throw asWriteError(cause, parent);
  });
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Checkpoint {
  /** Null for the original. */
  readonly variant: Variant | null;
  readonly directory: string;
  readonly bytes: number;
}

async function compressAll(base: Model, folder: string, context: Context): Promise<Checkpoint[]> {
  const engine = new Engine();
  try {
    const set = await calibrationSet(base, { seed: 0 }, context.work);
    const methods = await Promise.all(variants.map(({ method }) => context.registry.find(method)));
    // One pass measures what all of them need.
    const needs = methods.flatMap(({ compressor }, i) =>
      compressor.needs(base, parseOptions(compressor, optionsOf(variants[i]!))),
    );
    const evidence = await calibrate(engine, base, set, needs, context.work);
    const written: Checkpoint[] = [];
    for (const [i, variant] of variants.entries()) {
      throwIfAborted(context.work.signal);
      const plan = await planCompression(engine, {
        model: base,
        method: methods[i]!,
        options: optionsOf(variant),
        measure: async () => evidence,
      });
      const view = applyPlan(base, plan);
      const directory = folderOf(folder, variant);
      const { bytes } = await writeHuggingFace(view, directory, { layout: 'compact', plan, base });
      written.push({ variant, directory, bytes });
    }
    return written;
  } finally {
    await engine.dispose();
  }
}

const optionsOf = ({ ratio, seed }: Variant) => ({ ratio, seed });
const folderOf = (parent: string, { method, ratio, seed }: Variant) =>
  join(parent, `${method}-${ratio * 100}-seed${seed}`);

/** Small models gain nothing from threads in their matrix products, so each core scores its own. */
async function scoreAll(
  base: Model,
  checkpoints: readonly Checkpoint[],
  { limit }: DemoOptions,
  { work }: Context,
): Promise<DemoRow[]> {
  const original = { variant: null, directory: base.source.directory, bytes: await weightBytes(base) };
  const all = [original, ...checkpoints];
  const rows = new Array<DemoRow>(all.length);
  const task = 'Scoring checkpoints';
  work.progress({ type: 'start', task, total: all.length, unit: 'models' });
  const queue = all.entries();
  const failure = new AbortController();
  const signal = AbortSignal.any([work.signal, failure.signal]);
  let done = 0;
  const lane = async () => {
    for (const [i, { variant, directory, bytes }] of queue) {
      throwIfAborted(signal);
      const model = await openModel(directory);
      const options = { tasks: demoTasks, threads: 1, ...(limit === undefined ? {} : { limit }) };
      const { record } = await evaluateModel(model, options, { signal });
      rows[i] = { variant, removed: removedRatios(base, model), bytes, results: record.results };
      work.progress({ type: 'advance', task, done: ++done, note: labelOf(variant) });
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
async function weightBytes({ source }: Model): Promise<number> {
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
