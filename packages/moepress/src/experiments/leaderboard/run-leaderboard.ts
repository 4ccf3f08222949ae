import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { WorkFolder } from '@moepress/checkpoint';
import { shareDevice } from '../../devices/shared-device.js';
import { checkChatSettings } from '../../evaluation/chat-settings.js';
import { writeWhole } from '../../files/output.js';
import { folderKinds } from '../../files/output-kinds.js';
import { checkGeneration, type GenerationOptions } from '../../generation/engine-options.js';
import type { FindOptions } from '../../methods/find-methods.js';
import type { DataOptions } from '../../models/model-data.js';
import { type CacheOption, type ComputeOptions, type WorkOptions, workOf } from '../../options.js';
import { type Metric, metricsOf } from '../metric.js';
import type { Cell } from './cell.js';
import { openSharing } from './distributed.js';
import { enumerateVariants } from './enumerate-variants.js';
import { leaderboardMarkdown, leaderboardPage } from './page.js';
import { publishedTables } from './published-tables.js';
import { questionsOf, type Recipe, type RecipeInput, readRecipe } from './recipe.js';
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

/** A leaderboard: a row for each model that was scored, in the order of the recipe. */
export interface Board {
  readonly title: string;
  readonly cells: readonly Cell[];
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
  const boardOf = (cells: readonly Cell[]) => ({ title, cells, metrics: metricsOf(cells, tasks), out });
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
          const board = boardOf(done);
          options.onBoard?.(board);
          await publish(board, located.data);
        },
      },
      work,
    );
    return boardOf(cells);
  } finally {
    await folder.release();
  }
}

/** The board as a Markdown table. */
export const boardMarkdown = ({ title, cells, metrics }: Board): string =>
  leaderboardMarkdown(title, cells, metrics);

/** Results, table and page; each is written atomically, so that they can be opened while the run continues. */
async function publish(board: Board, recipe: Recipe): Promise<void> {
  const { title, cells, metrics, out } = board;
  const published = recipe.published ? await publishedTables() : [];
  await writeWhole(join(out, 'results.jsonl'), cells.map((cell) => `${JSON.stringify(cell)}\n`).join(''));
  await writeWhole(join(out, 'leaderboard.md'), boardMarkdown(board));
  await writeWhole(join(out, 'index.html'), await leaderboardPage(title, cells, metrics, published));
}
