import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { asWriteError } from '@moepress/checkpoint';
import type { Context } from '../context.js';
import { compressAll, folderOf } from '../demo/compress.js';
import { cells, columns } from '../demo/row.js';
import { checkpointBytes, scoreAll } from '../demo/score.js';
import { allVariants, shortVariants } from '../demo/variants.js';
import { checkCheckpointOutput } from '../output.js';
import { embeddedName, openBase } from '../source/model.js';
import { formatTable } from '../table.js';

export interface DemoOptions {
  /** Keeps the compressed checkpoints there; a temporary folder is removed otherwise. */
  readonly out?: string;
  /** Documents of each task, for a first look. */
  readonly limit?: number;
  /** Every experiment, also those that take longer than a first look should. */
  readonly all?: boolean;
}

/**
 * `moepress demo`: the main job on the embedded model. Measures once a text, compresses with every method
 * at several ratios, writes each checkpoint, opens it again and scores it.
 */
export async function demo(options: DemoOptions, context: Context): Promise<void> {
  if (options.out === undefined) await inTemporaryFolder((folder) => demoIn(folder, options, context));
  else await demoIn(resolve(options.out), options, context);
}

async function demoIn(folder: string, { all, limit, out }: DemoOptions, context: Context): Promise<void> {
  const variants = all ? allVariants : shortVariants;
  await Promise.all(variants.map((variant) => checkCheckpointOutput(folderOf(folder, variant))));
  const base = await openBase(embeddedName, context.work);
  const bytes = await checkpointBytes(base);
  const compressed = await compressAll(base, variants, folder, context);
  const rows = await scoreAll(base, [{ variant: null, model: base, bytes }, ...compressed], limit, context);
  const text = [
    `tiny: ${base.config.experts} experts in each of ${base.blocks.length} layers, top-${base.config.topK}`,
    '',
    formatTable(columns, rows.map(cells)),
    '',
    'Chance: 0 for tiny_gsm, 0.25 for the others. ± is the standard error over the documents.',
    ...(out === undefined ? [] : [`The checkpoints are in ${folder}.`]),
  ];
  context.print(text.join('\n'), rows);
}

async function inTemporaryFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const parent = tmpdir();
  const folder = await mkdtemp(join(parent, 'moepress-demo-')).catch((cause) => {
    throw asWriteError(cause, parent);
  });
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
