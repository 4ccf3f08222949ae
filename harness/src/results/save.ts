import { rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeFolders, replaceFile } from '@moepress/checkpoint';
import { dumps } from '../python/json.js';
import type { ResultsRecord } from './record.js';
import type { Sample } from './sample.js';

/** What an evaluation gave. */
export interface Evaluation {
  readonly record: ResultsRecord;
  /** One line a document and filter, by task. */
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
    // Samples without their results are of no use; nor are folders that were made for them.
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
