import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, type Model, parseOptions, removedRatios, silent, throwIfAborted } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { calibrate, Engine, planCompression } from '@moepress/runtime';
import type { Context } from '../context.js';
import { cells, columns, type DemoRow } from '../demo/row.js';
import { demoTasks, type Variant, variants } from '../demo/variants.js';
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
  const folder =
    options.out === undefined ? await mkdtemp(join(tmpdir(), 'moepress-demo-')) : resolve(options.out);
  try {
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
  } finally {
    if (options.out === undefined) await rm(folder, { recursive: true, force: true });
  }
}

interface Checkpoint {
  readonly label: string;
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
      const directory = join(folder, folderName(variant));
      const { bytes } = await writeHuggingFace(view, directory, { layout: 'compact', plan, base });
      written.push({ label: variant.label, directory, bytes });
    }
    return written;
  } finally {
    await engine.dispose();
  }
}

const optionsOf = ({ ratio, seed }: Variant) => ({ ratio, seed });
const folderName = ({ method, ratio, seed }: Variant) => `${method}-${ratio * 100}-seed${seed}`;

/** Small models gain nothing from threads in their matrix products, so each core scores its own. */
async function scoreAll(
  base: Model,
  checkpoints: readonly Checkpoint[],
  { limit }: DemoOptions,
  { work }: Context,
): Promise<DemoRow[]> {
  const original = { label: 'original', directory: base.source.directory, bytes: await weightBytes(base) };
  const all = [original, ...checkpoints];
  const rows = new Array<DemoRow>(all.length);
  const task = 'Scoring checkpoints';
  work.progress({ type: 'start', task, total: all.length, unit: 'models' });
  const queue = all.entries();
  let done = 0;
  const worker = async () => {
    for (const [i, { label, directory, bytes }] of queue) {
      throwIfAborted(work.signal);
      const model = await openModel(directory);
      const options = { tasks: demoTasks, threads: 1, ...(limit === undefined ? {} : { limit }) };
      const { record } = await evaluateModel(model, options, { progress: silent, signal: work.signal });
      rows[i] = { label, removed: removedRatios(base, model), bytes, results: record.results };
      work.progress({ type: 'advance', task, done: ++done, note: label });
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
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
