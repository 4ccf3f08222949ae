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
 * or not at all. Gives the path of the results. Throws `DISK_FULL` or `WRITE_FAILED`.
 */
export async function saveEvaluation({ record, samples }: Evaluation, folder: string): Promise<string> {
  const directory = path.join(folder, record.model_name_sanitized);
  const time = new Date(record.date * 1000).toISOString().replace('Z', '').replaceAll(':', '-');
  const results = path.join(directory, `results_${time}.json`);
  for (const [task, lines] of Object.entries(samples)) {
    const text = lines.map((sample) => `${dumps(sample)}\n`).join('');
    await writeText(path.join(directory, `samples_${task}_${time}.jsonl`), text);
  }
  await writeText(results, dumps(record, 2));
  return results;
}

async function writeText(file: string, text: string): Promise<void> {
  await makeFolders(path.dirname(file));
  await replaceFile(file, (handle) => handle.writeFile(text));
}
