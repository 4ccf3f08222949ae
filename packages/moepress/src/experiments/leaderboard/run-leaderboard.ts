import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { WorkFolder } from '@moepress/checkpoint';
import { stringify } from 'yaml';
import { shareDevice } from '../../devices/shared-device.js';
import { checkChatSettings } from '../../evaluation/chat-settings.js';
import { writeWhole } from '../../files/output.js';
import { folderKinds } from '../../files/output-kinds.js';
import { readText } from '../../files/text-file.js';
import { checkGeneration, type GenerationOptions } from '../../generation/engine-options.js';
import type { FindOptions } from '../../methods/find-methods.js';
import type { DataOptions } from '../../models/model-data.js';
import { type CacheOption, type ComputeOptions, type WorkOptions, workOf } from '../../options.js';
import { packageVersion } from '../../package-root.js';
import { type Metric, metricsOf } from '../metric.js';
import { boardRows } from './board-row.js';
import type { Cell } from './cell.js';
import { type ComparedRow, RowComparer } from './compare-rows.js';
import { openSharing } from './distributed.js';
import { enumerateVariants } from './enumerate-variants.js';
import { leaderboardMarkdown } from './markdown.js';
import { leaderboardPage } from './page.js';
import { publishedTables } from './published-tables.js';
import { questionsOf, type RecipeInput, readRecipe } from './recipe.js';
import { runVariants } from './run-variants.js';

export interface LeaderboardOptions
  extends Omit<ComputeOptions, 'threads'>,
    Pick<DataOptions, 'data'>,
    FindOptions,
    GenerationOptions,
    WorkOptions {
  /** Folder of the results, new, empty or that of an earlier run, of which finished work is not repeated. */
  readonly out: string;
  /** Models scored at once; 1 by default. */
  readonly workers?: number | undefined;
  readonly cache?: CacheOption | undefined;
  /** The Redis server through which machines share the work; needs @moepress/queue. */
  readonly queue?: string | undefined;
  /** Seconds after which a machine that gives no sign is taken for dead; 60 by default. */
  readonly stalledAfter?: number | undefined;
  /** Called with the board whenever another model has been scored. */
  readonly onBoard?: ((board: Board) => void) | undefined;
}

/** A leaderboard: models that were scored, in the order of the recipe. */
export interface Board {
  readonly title: string;
  readonly cells: readonly Cell[];
  /** The rows of the table: cells that differ by their seed alone are averaged. */
  readonly rows: readonly ComparedRow[];
  /** The metric shown for each task. */
  readonly metrics: readonly Metric[];
  /** Folder of the results, with the page `index.html` and the table `leaderboard.md`. */
  readonly out: string;
}

/**
 * Compresses and scores the models of a recipe, a YAML file or its data, that are not in the folder yet, alone or with
 * all machines that do the same on one queue, and writes table and page whenever a model more has been scored. Throws
 * `INPUT_INVALID` naming the line of the recipe, `OUTPUT_EXISTS` for a folder of other files, `OUTPUT_BUSY`, and what `compress` and `evaluate` throw.
 */
export async function runLeaderboard(
  recipe: string | RecipeInput,
  options: LeaderboardOptions,
): Promise<Board> {
  const out = resolve(options.out);
  const { engine, engineSequences, data, workers = 1, queue, stalledAfter = 60 } = options;
  const work = workOf(options);
  checkGeneration(options);
  const sharing =
    queue === undefined ? null : await openSharing({ url: queue, stalledAfter: 1000 * stalledAfter });
  const located = await readRecipe(recipe, options);
  const { title, tasks, movement: compares } = located.data;
  const questions = questionsOf(located.data, data);
  checkChatSettings(questions);
  const text = typeof recipe === 'string' ? await readText(recipe, 'INPUT_INVALID') : stringify(recipe);
  const comparer = new RowComparer(out);
  const boardOf = async (cells: readonly Cell[]): Promise<Board> => {
    const metrics = metricsOf(cells, tasks);
    return { title, cells, rows: await comparer.compare(boardRows(cells, metrics), metrics), metrics, out };
  };
  // Machines on one queue may share the folder.
  const folder = await WorkFolder.open(out, {
    ...work,
    shared: sharing !== null,
    isOwn: folderKinds.leaderboard,
  });
  try {
    const variants = await enumerateVariants(located, options);
    const threads = availableParallelism();
    const cells = await runVariants(
      variants,
      {
        out,
        workers,
        sharing,
        questions,
        compares,
        generation: engine === 'llama-cpp' ? { engine, engineSequences } : {},
        device: await shareDevice(options, { users: workers, threads }, work),
        cache: options.cache,
        async onCells(done) {
          const board = await boardOf(done);
          options.onBoard?.(board);
          await publish(board, located.data.published, text);
        },
      },
      work,
    );
    return await boardOf(cells);
  } finally {
    await folder.release();
  }
}

/** The board as a Markdown table. */
export const boardMarkdown = ({ title, rows, metrics }: Board): string =>
  leaderboardMarkdown(title, rows, metrics);

/** Results, table and page; each is written atomically, so that they can be opened while the run continues. */
async function publish(board: Board, withPapers: boolean, recipe: string): Promise<void> {
  const { cells, out } = board;
  const origin = { version: packageVersion(), date: newestOf(cells), recipe };
  const page = { ...board, tables: withPapers ? await publishedTables() : [], origin };
  await writeWhole(join(out, 'results.jsonl'), cells.map((cell) => `${JSON.stringify(cell)}\n`).join(''));
  await writeWhole(join(out, 'leaderboard.md'), boardMarkdown(board));
  await writeWhole(join(out, 'index.html'), await leaderboardPage(page));
}

/** When the newest results were computed, by the names of their files. */
function newestOf(cells: readonly Cell[]): string | null {
  const times = cells.flatMap(({ results }) => {
    const [, day, hour, minute] = /results_(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)/.exec(results) ?? [];
    return day === undefined ? [] : [`${day}T${hour}:${minute}Z`];
  });
  return times.sort().at(-1) ?? null;
}
