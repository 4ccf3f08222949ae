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
import { findResults } from './find-results.js';

/** Results that were read from files. */
export interface LoadedResults {
  /** The results file. */
  readonly file: string;
  /** By task. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  readonly groups: GroupMembers;
}

/**
 * Writes the record and the samples of an evaluation into a folder of the model's name under `folder`, all or nothing,
 * and gives the path of the results file. Throws `DISK_FULL` or `WRITE_FAILED`.
 */
export const saveResults = (evaluation: Evaluation, folder: string): Promise<string> =>
  saveEvaluation(evaluation, folder);

/**
 * Reads a results file of `saveResults` or lm-evaluation-harness with the samples beside it, or the newest one in a
 * folder. Throws `INPUT_INVALID` where there is none, and `DATASET_INVALID` for damaged samples.
 */
export async function loadResults(path: string): Promise<LoadedResults> {
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
  const [a, b] = [await loaded(first), await loaded(second)];
  return compareSamples(a.samples, b.samples, { seed, groups: { ...b.groups, ...a.groups } });
}

const loaded = (results: string | LoadedResults) =>
  typeof results === 'string' ? loadResults(results) : results;
