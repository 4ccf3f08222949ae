import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { moepress, type Outcome } from './command.js';

/** The original; a method that measures, on two texts, and one that does not, at two ratios. */
export const recipe = `
models: [tiny]
tasks: [tiny_facts, tiny_gsm]
limit: 2
movement: false
ratios: [0.25, 0.5]
calibration: ['tiny:16x64', 'tiny_gsm[train]:16']
methods:
  - { method: reap, label: by REAP }
  - random
`;

export const cellsOfRecipe = 1 + 2 * (2 + 1);

export function runLeaderboard(
  cwd: string,
  out: string,
  more: readonly string[] = [],
  options: { watch?: (child: ChildProcess) => void; env?: Record<string, string> } = {},
): Promise<Outcome> {
  return moepress(['leaderboard', 'recipe.yaml', '--out', out, '--json', ...more], { cwd, ...options });
}

/** The cells of a leaderboard, in the order of its table. */
export function cellsIn(folder: string) {
  const lines = readFileSync(join(folder, 'results.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** Without what names a run rather than a result. */
export const resultsIn = (folder: string) =>
  cellsIn(folder).map((cell) => ({ ...cell, results: '', samples: {}, throughput: null }));

/** Waits until cells have been finished. */
export async function untilCells(out: string, count: number): Promise<void> {
  const cells = () =>
    existsSync(join(out, 'variants'))
      ? (readdirSync(join(out, 'variants'), { recursive: true }) as string[]).filter((name) =>
          /cell-\w+\.json$/.test(name),
        )
      : [];
  while (cells().length < count) await setTimeout(20);
}
