import { dirname, isAbsolute, join, resolve } from 'node:path';
import { WorkFolder } from '@moepress/checkpoint';
import { type Model, MoepressError } from '@moepress/core';
import { findTasks } from '@moepress/harness';
import { modelIdentity } from '@moepress/runtime';
import { describeExport } from '../../export-model.js';
import { folderKinds } from '../../files/output-kinds.js';
import { checkData, type LocatedYaml, located, readYaml } from '../../files/yaml-file.js';
import { useTasks } from '../../methods/use-plugins.js';
import { companionsHash } from '../../models/companions.js';
import { openBase } from '../../models/open-model.js';
import { type WorkOptions, workOf } from '../../options.js';
import { addressOf } from '../address.js';
import { inOrder, type Job } from '../jobs/job.js';
import { readResult } from '../jobs/job-results.js';
import { type DoneJob, runJobs } from '../jobs/run-jobs.js';
import { compressJobs } from './compress-jobs.js';
import { compareJob, evaluateJob } from './evaluate-jobs.js';
import { exportJob } from './export-job.js';
import { healJob } from './heal-job.js';
import type { JobCompute, Shared } from './job-options.js';
import { type RunRecipe, type RunRecipeInput, runRecipeSchema } from './run-recipe-schema.js';

export interface RunRecipeOptions extends JobCompute, WorkOptions {
  /** Folder of all results; by default the one that the recipe names. What is done there is not done again. */
  readonly out?: string | undefined;
}

/** What a recipe has made. */
export interface RunRecipeResult {
  readonly out: string;
  /** The jobs in the order in which they are done, with their results. */
  readonly jobs: readonly DoneJob[];
}

/** A job of a recipe before it runs. */
export interface ListedJob {
  readonly job: Job;
  readonly isDone: boolean;
}

/**
 * Does what a recipe asks for, a YAML file or its data: measure, compress, heal, export, evaluate, compare. Each is a job whose
 * result is kept under the address of what it was made of, so that an interrupted run goes on, and one with a changed recipe does
 * again what depends on the change. Throws `INPUT_INVALID` naming the line, `OUTPUT_EXISTS` for a folder of other files, `OUTPUT_BUSY`, and
 * what the jobs throw.
 */
export async function runRecipe(
  recipe: string | RunRecipeInput,
  options: RunRecipeOptions = {},
): Promise<RunRecipeResult> {
  const read = await readRunRecipe(recipe);
  const out = outOf(recipe, read.data, options);
  const work = workOf(options);
  const folder = await WorkFolder.open(out, { ...work, isOwn: folderKinds.jobs });
  try {
    return { out, jobs: await runJobs(await jobsOf(read, options), out, work) };
  } finally {
    await folder.release();
  }
}

/** The jobs of a recipe, and which of them are done; computes and writes nothing. Throws what `runRecipe` throws before it begins. */
export async function listRecipeJobs(
  recipe: string | RunRecipeInput,
  options: RunRecipeOptions = {},
): Promise<{ readonly out: string; readonly jobs: readonly ListedJob[]; readonly recipe: RunRecipe }> {
  const read = await readRunRecipe(recipe);
  const out = outOf(recipe, read.data, options);
  const jobs: ListedJob[] = [];
  for (const job of inOrder(await jobsOf(read, options))) {
    jobs.push({ job, isDone: (await readResult(out, job)) !== null });
  }
  return { out, jobs, recipe: read.data };
}

const readRunRecipe = async (given: string | RunRecipeInput): Promise<LocatedYaml<RunRecipe>> =>
  typeof given === 'string'
    ? readYaml(given, runRecipeSchema, 'The recipe')
    : checkData(given, runRecipeSchema, 'recipe');

function outOf(recipe: string | RunRecipeInput, { out: own }: RunRecipe, { out }: RunRecipeOptions): string {
  if (out !== undefined) return resolve(out);
  if (own === undefined) {
    throw new MoepressError('INPUT_INVALID', {
      message: 'Nothing says where the results go.',
      where: 'out',
      hint: 'Give `out`, or add it to the recipe.',
    });
  }
  return isAbsolute(own) || typeof recipe !== 'string' ? resolve(own) : join(dirname(resolve(recipe)), own);
}

/** Throws what finding tasks throws. */
async function checkTasks(
  { tasks }: { readonly tasks: readonly string[] },
  options: RunRecipeOptions,
): Promise<void> {
  await useTasks(tasks, options);
  await findTasks(tasks, { signal: options.signal });
}

/** Throws `INPUT_INVALID` for a format or a type that there is not. Whether the format holds the model, only its export can say. */
async function checkFormat(
  base: Model,
  format: RunRecipe['export'][number],
  { plugins }: RunRecipeOptions,
): Promise<void> {
  try {
    await describeExport(base, { ...format, plugins });
  } catch (error) {
    if (MoepressError.isInstance(error) && error.code === 'INPUT_INVALID') throw error;
  }
}

/** The graph of jobs: each names those that it needs. */
async function jobsOf(
  { data: recipe, whereIs }: LocatedYaml<RunRecipe>,
  options: RunRecipeOptions,
): Promise<Job[]> {
  const { out: _, signal, onProgress, ...compute } = options;
  const work = workOf(options);
  const { revision } = recipe;
  const at = async <Result>(key: string, use: () => Promise<Result>): Promise<Result> => {
    try {
      return await use();
    } catch (cause) {
      throw located(whereIs([key]), cause);
    }
  };
  const base = await at('model', () =>
    openBase(recipe.model, {
      ...work,
      plugins: options.plugins,
      ...(revision !== undefined && { revision }),
    }),
  );
  const { hash } = await modelIdentity(base, work);
  const companions = await companionsHash(base.source.directory);
  const shared: Shared = { base, address: addressOf({ model: hash, companions }), compute };
  const { compress, heal, evaluate } = recipe;
  // What is mistyped is told before hours of work.
  if (evaluate) await at('evaluate', () => checkTasks(evaluate, options));
  for (const one of recipe.export) await at('export', () => checkFormat(base, one, options));
  const plan = compress ? (await at('compress', () => compressJobs(compress, shared))).plan : null;
  const healed = heal ? await at('heal', () => healJob(heal, plan!, shared)) : plan;
  const jobs = [...(healed ? [healed] : []), ...recipe.export.map((one) => exportJob(one, healed, shared))];
  if (!evaluate) return jobs;
  const original = evaluateJob(evaluate, null, shared);
  if (!healed) return [...jobs, original];
  const result = evaluateJob(evaluate, healed, shared);
  if (!evaluate.original) return [...jobs, result];
  return [...jobs, original, result, ...(recipe.compare ? [compareJob(original, result)] : [])];
}
