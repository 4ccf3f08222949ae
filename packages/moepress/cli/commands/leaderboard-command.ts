import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { WorkFolder } from '@moepress/checkpoint';
import { isWriteError } from '@moepress/runtime';
import { type SharedOptions, sharedDevice } from '../../src/devices/open-engine.js';
import type { AnswersChoice } from '../../src/evaluation/response-cache.js';
import type { Cell } from '../../src/experiments/cell.js';
import { writeWhole } from '../../src/experiments/cell.js';
import { openSharing, type Sharing } from '../../src/experiments/leaderboard/distributed.js';
import { enumerateVariants } from '../../src/experiments/leaderboard/enumerate-variants.js';
import { leaderboardMarkdown } from '../../src/experiments/leaderboard/markdown-table.js';
import { leaderboardPage } from '../../src/experiments/leaderboard/page.js';
import { publishedTables } from '../../src/experiments/leaderboard/published-tables.js';
import { type LocatedRecipe, type Recipe, readRecipe } from '../../src/experiments/leaderboard/recipe.js';
import { runVariants } from '../../src/experiments/leaderboard/run-variants.js';
import { metricsOf } from '../../src/experiments/metric.js';
import type { Context } from '../context.js';

export interface LeaderboardOptions extends SharedOptions {
  readonly out: string;
  readonly data?: string;
  /** Models scored at once. */
  readonly workers: number;
  readonly evidence?: string | false;
  readonly answers?: AnswersChoice;
  /** Redis server through which machines share the work. */
  readonly queue?: string;
  /** Seconds after which one of them that gives no sign is taken for dead. */
  readonly stalledAfter: number;
}

/**
 * `moepress leaderboard <recipe.yaml>`: compresses and scores what is not done yet, alone or with all machines that
 * do the same on one queue, and shows all of it.
 */
export async function leaderboard(
  file: string,
  options: LeaderboardOptions,
  context: Context,
): Promise<void> {
  const out = resolve(options.out);
  const { queue, stalledAfter } = options;
  const sharing =
    queue === undefined ? null : await openSharing({ url: queue, stalledAfter: 1000 * stalledAfter });
  const located = await readRecipe(file);
  // Machines on one queue may share the folder.
  const folder = await WorkFolder.open(out, { ...context.work, shared: sharing !== null });
  try {
    await fill(located, { ...options, out }, sharing, context);
  } finally {
    await folder.release();
  }
}

async function fill(
  located: LocatedRecipe,
  options: LeaderboardOptions,
  sharing: Sharing | null,
  context: Context,
): Promise<void> {
  const { recipe } = located;
  const { out, data } = options;
  const variants = await enumerateVariants(located, { ...context, data });
  const show = (cells: readonly Cell[]) =>
    leaderboardMarkdown(recipe.title, cells, metricsOf(cells, recipe.tasks));
  let finished: readonly Cell[] = [];
  const cells = await runVariants(
    variants,
    {
      ...options,
      sharing,
      device: await sharedDevice(options, options.workers, context.work),
      answers: options.answers,
      questions: { tasks: recipe.tasks, limit: recipe.limit, numFewshot: recipe.num_fewshot, data },
      threads: Math.max(1, Math.floor(availableParallelism() / options.workers)),
      onCells: (done) => {
        finished = done;
        return publish(out, recipe, done);
      },
    },
    context,
  ).catch((cause) => {
    // What cannot be saved is seen at least.
    if (isWriteError(cause) && finished.length > 0) context.print(show(finished), { out, cells: finished });
    throw cause;
  });
  context.print(`${show(cells)}\nThe page is ${join(out, 'index.html')}`, { out, cells });
}

/** Results, table and page; each whole or not at all, so that one may look while the run goes on. */
async function publish(out: string, recipe: Recipe, cells: readonly Cell[]): Promise<void> {
  const metrics = metricsOf(cells, recipe.tasks);
  const published = recipe.published ? await publishedTables() : [];
  await writeWhole(join(out, 'results.jsonl'), cells.map((cell) => `${JSON.stringify(cell)}\n`).join(''));
  await writeWhole(join(out, 'leaderboard.md'), leaderboardMarkdown(recipe.title, cells, metrics));
  const page = await leaderboardPage(recipe.title, cells, metrics, published);
  await writeWhole(join(out, 'index.html'), page);
}
