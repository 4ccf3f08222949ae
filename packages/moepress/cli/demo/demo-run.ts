import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { type CompressionPlan, type Model, removedRatios, throwIfAborted, type Work } from '@moepress/core';
import { compressAll, type MethodChoice } from '../../src/compress.js';
import { evaluate } from '../../src/evaluate.js';
import { mapConcurrent } from '../../src/experiments/concurrency.js';
import { writePlan } from '../../src/plans/write-plan.js';
import { refine } from '../../src/refine.js';
import { writeCheckpoint } from '../../src/write-checkpoint.js';
import type { Context } from '../context.js';
import type { DemoRow } from './demo-row.js';
import { calibrationTexts, demoTasks, nameOf, trainingText, type Variant } from './demo-variants.js';

/** A model that can be scored; the variant is null for the original. */
export interface Candidate {
  readonly variant: Variant | null;
  readonly model: Model;
  /** Bytes of its files. */
  readonly bytes: number;
}

/** Compresses with every variant, writes each checkpoint and opens it again. */
export async function compressVariants(
  base: Model,
  variants: readonly Variant[],
  folder: string,
  { work }: Context,
): Promise<Candidate[]> {
  // Before and after training it is the same plan.
  const untrained = new Map(variants.map((variant) => [planName(variant), variant]));
  const plans = await compressAll(base, [...untrained.values()].map(choiceOf), {
    ...work,
    cache: false,
    minTokens: 0,
  });
  const planOf = new Map([...untrained.keys()].map((name, i) => [name, plans[i]!]));
  const candidates: Candidate[] = [];
  for (const variant of variants) {
    throwIfAborted(work.signal);
    const plan = await trained(base, planOf.get(planName(variant))!, { variant, folder, work });
    const directory = folderOf(folder, variant);
    // It is over so soon that its progress would only flicker.
    const { bytes } = await writeCheckpoint(base, plan, directory);
    candidates.push({ variant, model: await openModel(directory), bytes });
  }
  return candidates;
}

const planName = (variant: Variant) => nameOf({ ...variant, training: null });

const choiceOf = ({ method, ratio, seed, option, text }: Variant): MethodChoice => ({
  method,
  seed,
  options: option,
  ratio: ratio ?? undefined,
  calibration: text === null ? undefined : calibrationTexts[text],
});

/** The plan to be written: that of a variant that is trained with what it learned. */
async function trained(
  base: Model,
  plan: CompressionPlan,
  { variant, folder, work }: { variant: Variant; folder: string; work: Context['work'] },
) {
  const { training } = variant;
  if (training === null) return plan;
  const { refiner, option } = training;
  const states = join(folder, 'training');
  const cache = { training: states };
  const refined = await refine(base, plan, { refiner, options: option, train: trainingText, cache, ...work });
  return writePlan(refined, join(states, `plan-${nameOf(variant)}`));
}

/** Small models gain nothing from threads in their matrix products, so each core scores its own. */
export async function scoreAll(
  base: Model,
  candidates: readonly Candidate[],
  limit: number | undefined,
  { work }: Context,
): Promise<DemoRow[]> {
  const { onProgress, signal } = work;
  const rows = new Array<DemoRow>(candidates.length);
  const task = 'Scoring models';
  onProgress({ type: 'start', task, total: candidates.length, unit: 'models' });
  const entries = [...candidates.entries()];
  let done = 0;
  const score = async ([i, { variant, model, bytes }]: (typeof entries)[number], own: Work) => {
    const options = { tasks: demoTasks, threads: 1, limit, cache: false as const, signal: own.signal };
    const { record } = await evaluate(model, options);
    rows[i] = { variant, removed: removedRatios(base, model), bytes, results: record.results };
    onProgress({ type: 'advance', task, done: ++done, note: variant?.label ?? 'original' });
  };
  await mapConcurrent(entries, { workers: availableParallelism(), signal }, score);
  onProgress({ type: 'end', task });
  return rows;
}

export const folderOf = (parent: string, variant: Variant): string => join(parent, nameOf(variant));

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
