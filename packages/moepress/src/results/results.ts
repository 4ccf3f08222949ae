import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MoepressError } from '@moepress/core';
import {
  type Comparison,
  compareSamples,
  type Evaluation,
  type GroupMembers,
  loadGroups,
  loadSamples,
  type Sample,
  saveEvaluation,
} from '@moepress/harness';
import { checkNumber, checkText, invalidOption, isObject } from '../check-options.js';

/** Results that were read from files. */
export interface LoadedResults {
  /** The results file. */
  readonly file: string;
  /** Samples by task. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  readonly groups: GroupMembers;
}

/**
 * Writes the record and the samples of an evaluation into a folder of the model's name under `folder`, all or nothing,
 * and gives the path of the results file. Throws `DISK_FULL`, `WRITE_FAILED`, and `INPUT_INVALID` for what is no
 * evaluation or no path.
 */
export async function saveResults(evaluation: Evaluation, folder: string): Promise<string> {
  checkText({ where: 'folder', value: folder }, 'the path of a folder');
  if (!isObject(evaluation) || !isObject(evaluation.record) || !isObject(evaluation.samples)) {
    throw invalidOption({ where: 'evaluation', value: evaluation }, 'what `evaluate` gave');
  }
  return saveEvaluation(evaluation, folder);
}

/**
 * Reads a results file of `saveResults` or lm-evaluation-harness with the samples beside it, or the newest one in a
 * folder. Throws `INPUT_INVALID` where there is none, and `DATASET_INVALID` for damaged samples.
 */
export async function loadResults(path: string): Promise<LoadedResults> {
  checkText({ where: 'path', value: path }, 'the path of results');
  const file = await findResults(path);
  return { file, samples: await loadSamples(file), groups: await loadGroups(file) };
}

export interface CompareOptions {
  /** Seed of the bootstrap; 1234 by default. */
  readonly seed?: number | undefined;
}

/**
 * Two models on the same documents, each given by its results or their path: differences, intervals, and what could be
 * detected. Throws what `loadResults` throws, and `INPUT_INVALID` for results without a task in common.
 */
export async function compareResults(
  first: string | LoadedResults,
  second: string | LoadedResults,
  { seed = 1234 }: CompareOptions = {},
): Promise<Comparison[]> {
  checkNumber({ where: 'seed', value: seed }, 0);
  const a = await loaded('first', first);
  const b = await loaded('second', second);
  return compareSamples(a.samples, b.samples, { seed, groups: { ...b.groups, ...a.groups } });
}

async function loaded(where: string, results: string | LoadedResults): Promise<LoadedResults> {
  if (typeof results === 'string') return loadResults(results);
  if (isObject(results) && isObject(results.samples) && isObject(results.groups)) return results;
  throw invalidOption({ where, value: results }, 'the path of results, or what `loadResults` gave');
}

/**
 * A results file, or the newest one in the folder of a model, or in the folder given to `eval --output`, in which each
 * model has a folder of its own. Throws `INPUT_INVALID`, also if several models have one there.
 */
export async function findResults(path: string): Promise<string> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return path;
  const own = await newestIn(path);
  if (own !== null) return own;
  const folders = info?.isDirectory() ? await readdir(path, { withFileTypes: true }) : [];
  const below = await Promise.all(
    folders.filter((entry) => entry.isDirectory()).map(({ name }) => newestIn(join(path, name))),
  );
  const found = below.filter((file) => file !== null).sort();
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    throw new MoepressError('INPUT_INVALID', {
      message: 'There are results of several models in this folder.',
      where: path,
      hint: `Give that of one: ${found.map((file) => join(path, basename(dirname(file)))).join(', ')}.`,
    });
  }
  throw new MoepressError('INPUT_INVALID', {
    message: info ? 'There are no results in this folder.' : 'There is no such file or folder.',
    where: path,
    hint: 'Give a results_<time>.json that an evaluation was saved as, or the folder it is in.',
  });
}

/** Null where there is none, or no folder. */
async function newestIn(folder: string): Promise<string | null> {
  const names = await readdir(folder).catch(() => []);
  // Their names hold the time in an order that sorts.
  const newest = names
    .filter((name) => /^results_.+\.json$/.test(name))
    .sort()
    .at(-1);
  return newest === undefined ? null : join(folder, newest);
}
