import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { asWriteError, makeTemporary, WorkFolder } from '@moepress/checkpoint';
import { MoepressError, suggest } from '@moepress/core';
import { embeddedName } from '../../src/models/embedded.js';
import { openModel } from '../../src/models/open-model.js';
import { forceOption, jsonOption, profileOption } from '../command-options.js';
import type { Context, Define } from '../context.js';
import { cells, columns } from '../demo/demo-row.js';
import { checkpointBytes, compressVariants, folderOf, scoreAll } from '../demo/demo-run.js';
import { allVariants, shortVariants, type Variant } from '../demo/demo-variants.js';
import { list, path, positive } from '../option-values.js';
import { nextText } from '../text/next-text.js';
import { formatTable } from '../text/table.js';

interface DemoFlags {
  /** Keeps the compressed checkpoints there; a temporary folder is removed otherwise. */
  readonly out?: string;
  /** Documents of each task, for a first look. */
  readonly limit?: number;
  /** Every experiment, also those that take longer than a first look should. */
  readonly all?: boolean;
  /** The only methods to be tried; default all of them. */
  readonly methods?: readonly string[];
}

export const define: Define = (command, context) =>
  command
    .option('--all', 'more experiments, which take minutes longer')
    .option('--methods <names>', 'only these methods, separated by commas', list)
    .option('--out <dir>', 'keep the checkpoints in this folder', path)
    .option('--limit <n>', 'only the first n documents of a task', positive)
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (flags) => demo(flags, await context(flags)));

/**
 * The main job on the embedded model. Measures once a text, compresses with every method at several ratios, writes each
 * checkpoint, opens it again and scores it.
 */
async function demo(options: DemoFlags, context: Context): Promise<void> {
  if (options.out === undefined) await inTemporaryFolder((folder) => demoIn(folder, options, context));
  else await inOwnFolder(resolve(options.out), (folder) => demoIn(folder, options, context), context);
}

async function inOwnFolder(
  out: string,
  use: (folder: string) => Promise<void>,
  { work }: Context,
): Promise<void> {
  const folder = await WorkFolder.open(out, { progress: work.onProgress });
  try {
    await use(out);
  } finally {
    await folder.release();
  }
}

async function demoIn(
  folder: string,
  { all, methods, limit, out }: DemoFlags,
  context: Context,
): Promise<void> {
  const variants = chosen(all ? allVariants : shortVariants, methods);
  for (const variant of variants) await checkEmpty(folderOf(folder, variant));
  const base = await openModel(embeddedName, context.work);
  const bytes = await checkpointBytes(base);
  const compressed = await compressVariants(base, variants, folder, context);
  const rows = await scoreAll(base, [{ variant: null, model: base, bytes }, ...compressed], limit, context);
  const text = [
    `tiny: ${base.config.experts} experts in each of ${base.blocks.length} layers, top-${base.config.topK}`,
    '',
    formatTable(columns, rows.map(cells)),
    '',
    'text: what was measured on. removed: share of the routed-expert parameters. tiny_gsm: exact match;',
    'tiny_facts, tiny_where: accuracy; chance is 0 for the first and 0.25 for these. ±: standard error over',
    'the documents. ppl: perplexity of a held-out text.',
    ...(out === undefined ? [] : [`The checkpoints are in ${folder}.`]),
  ];
  context.print(text.join('\n'), rows);
  context.note(
    nextText([
      ['moepress inspect <your model>', 'what it is made of, and what could be saved'],
      [
        'moepress compress <your model> --method reap --ratio 0.5 --out small --dry-run',
        'what it would take',
      ],
    ]),
  );
}

/** The variants by some methods. Throws `METHOD_UNKNOWN` for one that is not tried. */
function chosen(variants: readonly Variant[], methods?: readonly string[]): readonly Variant[] {
  if (methods === undefined) return variants;
  const known = [...new Set(variants.map(({ method }) => method))];
  const unknown = methods.find((method) => !known.includes(method));
  if (unknown === undefined) return variants.filter(({ method }) => methods.includes(method));
  const guess = suggest(unknown, known);
  throw new MoepressError('METHOD_UNKNOWN', {
    message: `The demonstration does not try "${unknown}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where: '--methods',
    hint: `Pick from ${known.join(', ')}.`,
  });
}

async function inTemporaryFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await makeTemporary('moepress-demo-').catch((cause) => {
    throw asWriteError(cause, tmpdir());
  });
  try {
    await use(folder.path);
  } finally {
    await folder.remove();
  }
}

/** Refuses a folder that is not empty at once: the last of several checkpoints must not fail after the others are written. */
async function checkEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw asWriteError(cause, folder);
  });
  if (names.length === 0) return;
  throw new MoepressError('OUTPUT_EXISTS', {
    message: 'The output path is not empty.',
    where: folder,
  });
}
