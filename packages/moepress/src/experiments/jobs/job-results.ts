import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { parseJson } from '@moepress/core';
import { z } from 'zod';
import { writeWhole } from '../../files/output.js';
import { folderNameOf, type Job, type JobResult, jobFormat, type Needed } from './job.js';

const resultSchema = z.object({
  format: z.literal(jobFormat),
  key: z.string(),
  files: z.record(z.string(), z.string()),
  facts: z.record(z.string(), z.unknown()),
});

const fileName = 'result.json';

/** The result of a job that was done; null if it was not, or files of it are gone. */
export async function readResult(out: string, job: Job): Promise<Needed | null> {
  const folder = join(out, folderNameOf(job));
  const text = await readFile(join(folder, fileName), 'utf8').catch(() => null);
  const { data } = resultSchema.safeParse(text === null ? null : parsed(text));
  if (data?.key !== job.key) return null;
  const places = Object.values(data.files);
  const found = await Promise.all(
    places.map((place) => isBelow(place) && stat(join(folder, place)).catch(() => false)),
  );
  return found.every(Boolean) ? { files: data.files, facts: data.facts, folder } : null;
}

/** Keeps a result, which says that all files are there. Throws `DISK_FULL` and `WRITE_FAILED`. */
export async function keepResult(out: string, job: Job, { files, facts }: JobResult): Promise<void> {
  const record = { format: jobFormat, key: job.key, kind: job.kind, title: job.title, files, facts };
  await writeWhole(join(out, folderNameOf(job), fileName), `${JSON.stringify(record, null, 2)}\n`);
}

/** Whether a path leads into a folder and not out of it: results may come from other machines. */
const isBelow = (place: string): boolean => !isAbsolute(place) && !place.split(/[\\/]/).includes('..');

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
