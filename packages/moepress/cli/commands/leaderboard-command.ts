import { join } from 'node:path';
import { isWriteError } from '@moepress/runtime';
import {
  type Board,
  boardMarkdown,
  runLeaderboard,
} from '../../src/experiments/leaderboard/run-leaderboard.js';
import type { GenerationOptions } from '../../src/generation/engine-options.js';
import {
  answersOption,
  type CacheFlags,
  cacheOf,
  type DeviceFlags,
  dataOption,
  deviceOption,
  engineOption,
  engineSequencesOption,
  evidenceOption,
  forceOption,
  gpuMemoryOption,
  jsonOption,
  memoryOption,
  noAnswersOption,
  noEvidenceOption,
  pluginOption,
  precisionOption,
  profileOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { count, path, positive } from '../option-values.js';

interface LeaderboardFlags extends CacheFlags, DeviceFlags, GenerationOptions {
  readonly out: string;
  readonly data?: string;
  readonly workers: number;
  readonly queue?: string;
  readonly stalledAfter: number;
}

export const define: Define = (command, context) =>
  command
    .argument(
      '<recipe>',
      'YAML: models, methods, ratios, tasks, and optionally calibration, seeds, limit',
      path,
    )
    .requiredOption('--out <dir>', 'folder of the results; what is done there is not done again', path)
    .option('--workers <n>', 'models scored at once', count, 1)
    .option(
      '--queue <url>',
      'share the work with all machines that run this command with this Redis server (needs @moepress/queue)',
    )
    .option(
      '--stalled-after <seconds>',
      'take a machine on the queue for dead after this silence',
      positive,
      60,
    )
    .addOption(dataOption())
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(answersOption())
    .addOption(noAnswersOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(engineOption())
    .addOption(engineSequencesOption())
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (recipe, flags) => fill(recipe, flags, await context(flags)));

async function fill(
  recipe: string,
  { evidence, answers, runs, ...options }: LeaderboardFlags,
  { work, plugins, print }: Context,
): Promise<void> {
  const cache = cacheOf({
    ...(evidence !== undefined && { evidence }),
    ...(answers !== undefined && { answers }),
  });
  let board: Board | null = null;
  const onBoard = (latest: Board) => {
    board = latest;
  };
  board = await runLeaderboard(recipe, { ...options, cache, plugins, onBoard, ...work }).catch((cause) => {
    // What cannot be saved is seen at least.
    if (isWriteError(cause) && board && board.cells.length > 0) print(boardMarkdown(board), dataOf(board));
    throw cause;
  });
  const page = join(board.out, 'index.html');
  print(`${boardMarkdown(board)}\nThe page is ${page}`, dataOf(board));
}

const dataOf = ({ out, cells, rows }: Board) => ({ out, cells, rows });
