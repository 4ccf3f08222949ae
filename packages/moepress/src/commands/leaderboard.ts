import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { WorkFolder } from '@moepress/checkpoint';
import { isWriteError } from '@moepress/runtime';
import type { Context } from '../context.js';
import type { Cell } from '../leaderboard/cell.js';
import { writeWhole } from '../leaderboard/cell.js';
import { enumerateVariants } from '../leaderboard/enumerate.js';
import { leaderboardMarkdown } from '../leaderboard/markdown.js';
import { metricsOf } from '../leaderboard/metric.js';
import { leaderboardPage } from '../leaderboard/page.js';
import { publishedTables } from '../leaderboard/published.js';
import { type LocatedRecipe, type Recipe, readRecipe } from '../leaderboard/recipe.js';
import { runVariants } from '../leaderboard/run.js';
import { openSharing, type Sharing } from '../leaderboard/together.js';
import type { AnswersChoice } from '../scoring/answers.js';
import { type SharedOptions, sharedDevice } from '../source/engine.js';

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
