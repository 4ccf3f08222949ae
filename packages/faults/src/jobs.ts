import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.js';

/** A command that takes a while, and what it leads to. */
export interface Job {
  readonly name: string;
  readonly args: readonly string[];
  /** Whether several runs may write to one output, each to files of its own. */
  readonly isShared?: boolean;
  /** Puts what the command is given into a place. */
  prepare?(place: Place): void;
  /** What it led to, without what tells of time and place; null if it has not. */
  outcome(place: Place): unknown;
}

/** Digests of all files in a folder by their names; null if it is not there. */
function treeOf(folder: string): Record<string, string> | null {
  if (!existsSync(folder)) return null;
  const names = (readdirSync(folder, { recursive: true }) as string[]).sort();
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, sha256(readFileSync(join(folder, name)))]));
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const textOf = (file: string): string | null => (existsSync(file) ? readFileSync(file, 'utf8') : null);
/** The lines of a file that are JSON: the last may be torn. */
const linesOf = (file: string): unknown[] | null =>
  textOf(file)
    ?.split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    }) ?? null;

/** The latest results of an evaluation and their samples. */
function evaluationIn(folder: string): unknown {
  if (!existsSync(folder)) return null;
  const names = readdirSync(folder).sort();
  const results = names.filter((name) => name.startsWith('results_')).at(-1);
  if (results === undefined) return null;
  const time = results.slice('results_'.length, -'.json'.length);
  const samples = names.filter((name) => name.startsWith('samples_') && name.includes(time));
  return {
    results: JSON.parse(textOf(join(folder, results))!).results,
    samples: samples.map((name) => [name.replace(time, ''), textOf(join(folder, name))]),
  };
}

const grid = `
model: tiny
method: moe-to-dense
calibration: tiny:4
options: { scoring: [do-acp, sf], grouping: weights, keep: 4, scaling: uniform }
tasks: [tiny_facts]
limit: 2
by: distance
`;

const recipe = `
models: [tiny]
tasks: [tiny_facts]
limit: 3
ratios: [0.25]
calibration: ['tiny:4x64']
methods: [reap, random]
`;

const plans = new Map<string, string>();

/** Where plans of the reference runs are kept, for the jobs that are given one. */
export const keepPlan = (name: string, path: string): void => {
  plans.set(name, path);
};

const givePlan = (name: string, { work }: Place): void => cpSync(plans.get(name)!, join(work, 'plan.json'));

const out = ['--out', 'out'];
const outIn = ({ work }: Place) => treeOf(join(work, 'out'));
const refine = ['refine', 'tiny', '--plan', 'plan.json', '--train', 'tiny:8x32', '--threads', '2', ...out];

export const jobs: readonly Job[] = [
  {
    name: 'compress',
    args: ['compress', 'tiny', '--method', 'reap', '--ratio', '0.25', '--calibration', 'tiny:12', ...out],
    outcome: outIn,
  },
  {
    name: 'compress into a folder that is there',
    args: [
      'compress',
      'tiny',
      '--method',
      'expert-fisher',
      '--ratio',
      '0.5',
      '--calibration',
      'tiny:8',
      ...out,
    ],
    prepare: ({ work }) => mkdirSync(join(work, 'out')),
    outcome: (place) => (existsSync(join(place.work, 'out', 'config.json')) ? outIn(place) : null),
  },
  {
    name: 'plan',
    args: [
      ...['compress', 'tiny', '--method', 'moe-to-dense', '--calibration', 'tiny:4', '--plan-only'],
      ...['--out', 'plan.json'],
    ],
    outcome: ({ work }) => textOf(join(work, 'plan.json')),
  },
  {
    name: 'apply',
    args: ['apply', 'plan.json', 'tiny', '--layout', 'materialised', ...out],
    prepare: (place) => givePlan('plan', place),
    outcome: outIn,
  },
  {
    name: 'distil training',
    args: [
      ...refine,
      ...['--refiner', 'distil', '--option', 'steps=6', '--option', 'topLogits=8'],
      ...['--validate', 'tiny:2x32'],
    ],
    prepare: (place) => givePlan('plan', place),
    outcome: outIn,
  },
  {
    name: 'eval',
    args: ['eval', 'tiny', '--tasks', 'tiny_gsm,tiny_facts', '--limit', '6', '--output', 'out'],
    isShared: true,
    outcome: ({ work }) => evaluationIn(join(work, 'out', 'tiny')),
  },
  {
    name: 'sweep',
    args: ['sweep', 'grid.yaml', '--workers', '1', ...out],
    prepare: ({ work }) => writeFileSync(join(work, 'grid.yaml'), grid),
    outcome: ({ work }) => linesOf(join(work, 'out', 'results.ndjson')),
  },
  {
    name: 'leaderboard',
    args: ['leaderboard', 'recipe.yaml', ...out],
    prepare: ({ work }) => writeFileSync(join(work, 'recipe.yaml'), recipe),
    outcome: ({ work }) =>
      linesOf(join(work, 'out', 'results.jsonl'))?.map((cell) => ({
        ...(cell as object),
        ...{ results: '', samples: {}, throughput: null },
      })) ?? null,
  },
];
