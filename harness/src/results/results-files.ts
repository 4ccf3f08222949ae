import { readFile, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeFolders, replaceFile } from '@moepress/checkpoint';
import { MoepressError, parseJson } from '@moepress/core';
import { z } from 'zod';
import { readRows } from '../datasets/file.js';
import { dumps } from '../python/json.js';
import type { GroupMembers } from './group-members.js';
import type { ResultsRecord } from './record.js';
import type { Sample } from './sample.js';

/** The output of an evaluation. */
export interface Evaluation {
  readonly record: ResultsRecord;
  /** One line per document and filter, by task. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
}

/**
 * Writes `<folder>/<model>/results_<time>.json` and `samples_<task>_<time>.jsonl` beside it, each whole
 * or not at all; if one cannot be written none stays. Gives the path of the results. Throws `DISK_FULL` or `WRITE_FAILED`.
 */
export async function saveEvaluation({ record, samples }: Evaluation, folder: string): Promise<string> {
  const directory = path.join(folder, record.model_name_sanitized);
  const time = new Date(record.date * 1000).toISOString().replace('Z', '').replaceAll(':', '-');
  const results = path.join(directory, `results_${time}.json`);
  const made: string[] = [];
  for (const one of [directory, folder]) if (!(await exists(one))) made.push(one);
  const written: string[] = [];
  const write = async (file: string, text: string) => {
    written.push(file);
    await writeText(file, text);
  };
  try {
    for (const [task, lines] of Object.entries(samples)) {
      const text = lines.map((sample) => `${dumps(sample)}\n`).join('');
      await write(path.join(directory, `samples_${task}_${time}.jsonl`), text);
    }
    await write(results, dumps(record, 2));
    return results;
  } catch (cause) {
    // Samples without their results are useless, and so are folders that were made for them.
    for (const file of written) await rm(file, { force: true }).catch(() => {});
    for (const one of made) await rmdir(one).catch(() => {});
    throw cause;
  }
}

const exists = async (file: string): Promise<boolean> => (await stat(file).catch(() => null)) !== null;

async function writeText(file: string, text: string): Promise<void> {
  await makeFolders(path.dirname(file));
  await replaceFile(file, (handle) => handle.writeFile(text));
}

const resultsName = /^results_(.+)\.json$/;

/** What is needed of a results file to find its samples. */
const recordSchema = z.object({
  configs: z.record(z.string(), z.unknown()),
  group_subtasks: z.record(z.string(), z.array(z.string())).default({}),
});

/** What is needed of samples to compare them; the metrics themselves are checked where they are read. */
const sampleSchema = z.looseObject({
  doc_id: z.int(),
  filter: z.string(),
  metrics: z.array(z.string()),
  doc_hash: z.string(),
  /** Rows of lm-evaluation-harness have numbers here too. */
  target: z.union([z.string(), z.number(), z.boolean()]).transform(String).default(''),
  arguments: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  resps: z.array(z.array(z.unknown())).default([]),
  filtered_resps: z.array(z.unknown()).default([]),
});

/**
 * The samples that `saveEvaluation`, or lm-evaluation-harness with `--log_samples`, wrote beside a results
 * file, by task. Throws `INPUT_INVALID` for another file, and `DATASET_INVALID` for damaged samples.
 */
export async function loadSamples(results: string): Promise<Record<string, Sample[]>> {
  const tasks = await tasksOf(results);
  const [, time] = resultsName.exec(path.basename(results))!;
  const samples: Record<string, Sample[]> = Object.create(null);
  for (const task of tasks) {
    const file = path.join(path.dirname(results), `samples_${task}_${time}.jsonl`);
    if (await exists(file)) samples[task] = await readSamples(file);
  }
  if (Object.keys(samples).length > 0) return samples;
  throw invalid(
    'There are no samples files next to the results.',
    results,
    'Score the model again, and save the results with their samples.',
  );
}

/** The groups of a results file and their members; empty if it has none. Throws `INPUT_INVALID`. */
export async function loadGroups(results: string): Promise<GroupMembers> {
  return (await readRecord(results)).group_subtasks;
}

async function tasksOf(results: string): Promise<string[]> {
  return Object.keys((await readRecord(results)).configs).filter((task) => /^\w+$/.test(task));
}

async function readRecord(results: string): Promise<z.output<typeof recordSchema>> {
  if (!resultsName.test(path.basename(results))) throw invalid('This is not a results file.', results);
  try {
    return recordSchema.parse(parseJson(await readFile(results, 'utf8')));
  } catch (cause) {
    throw invalid(`The results cannot be read: ${(cause as Error).message}.`, results);
  }
}

async function readSamples(file: string): Promise<Sample[]> {
  return (await readRows(file)).map((row, i) => {
    const { success, data, error } = sampleSchema.safeParse(row);
    if (success) return data as unknown as Sample;
    const { path: field, message } = error.issues[0]!;
    throw new MoepressError('DATASET_INVALID', {
      message: `Line ${i + 1} is not a sample: ${field.join('.')}: ${message}.`,
      where: file,
    });
  });
}

function invalid(
  message: string,
  where: string,
  hint = 'Give a results_<time>.json that was saved with its samples.',
): MoepressError {
  return new MoepressError('INPUT_INVALID', { message, where, hint });
}
