import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dataFolder, type Row, sharedDatasets, unpacked } from '@moepress/reference';
import { tinyModel } from '@moepress/tiny';
import { inventedRows } from './invent.js';

/** The questions and texts that the commands are measured on. */
export interface Rows {
  /** A folder for `--data`: `<dataset>/<config>/<split>.jsonl`. */
  readonly folder: string;
  /** A file as `--calibration` and `--train` take it. */
  readonly texts: string;
  /** Whether these are the rows of the published benchmarks. */
  readonly published: boolean;
}

/** Splits that the tasks of `commands.ts` and `table.ts` read. */
const splits = [
  ['allenai/ai2_arc', 'ARC-Easy', 'test'],
  ['allenai/ai2_arc', 'ARC-Easy', 'train'],
  ['Rowan/hellaswag', 'default', 'validation'],
  ['cais/mmlu', 'astronomy', 'test'],
  ['cais/mmlu', 'astronomy', 'dev'],
  ['openai/gsm8k', 'main', 'test'],
  ['openai/gsm8k', 'main', 'train'],
  ['EleutherAI/wikitext_document_level', 'wikitext-2-raw-v1', 'test'],
] as const;

/**
 * Writes the rows of the tasks under `folder`, unless they are there: those of the published benchmarks where the
 * reference data has them, else invented ones of such lengths.
 */
export async function prepareRows(folder: string): Promise<Rows> {
  const published = dataFolder() !== null;
  const rows = join(folder, published ? 'data' : 'invented');
  const shared = sharedDatasets();
  for (const [path, config, split] of splits) {
    await once(join(rows, path, config, `${split}.jsonl`), async () => {
      const found = published ? (await shared.rows({ path, config }, split)).rows : inventedRows(path, split);
      return lines(found);
    });
  }
  if (!published) return { folder: rows, texts: tinyModel.calibrationFile, published };
  const texts = join(folder, 'calibration.jsonl');
  await once(texts, async () => unpacked('c4/c4_demo.jsonl.gz'));
  return { folder: rows, texts, published };
}

const lines = (rows: readonly Row[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function once(file: string, content: () => Promise<string | Uint8Array>): Promise<void> {
  if (existsSync(file)) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.partial`, await content());
  await rename(`${file}.partial`, file);
}
