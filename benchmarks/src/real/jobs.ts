import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Rows } from './rows.js';
import { load } from './serve-job.js';
import type { Shape } from './shapes.js';
import type { Sizes } from './sizes.js';

/** A command as a user would type it. */
export interface Job {
  /** Names that select it on the command line: its own, or that of its kind. */
  readonly name: string;
  readonly kind: Kind;
  readonly args: readonly string[];
  /** Commands whose results it needs; they are not measured. */
  readonly before?: readonly (readonly string[])[];
  readonly drive?: (child: ChildProcess) => Promise<string>;
}

export const kinds = ['inspect', 'compress', 'apply', 'refine', 'eval', 'leaderboard', 'serve'] as const;
export type Kind = (typeof kinds)[number];

/** The checkpoint and texts of the commands. */
export interface Subject {
  readonly shape: Shape;
  readonly layers: number;
  readonly directory: string;
  readonly rows: Rows;
  /** Methods that can do something here. */
  readonly methods: readonly string[];
  /** An empty folder for the output. */
  readonly scratch: string;
  readonly sizes: Sizes;
}

/** All commands, in the order of a user's day. */
export function jobsFor(subject: Subject): Job[] {
  const { directory, scratch } = subject;
  const plan = join(scratch, 'plan.json');
  return [
    { name: 'inspect', kind: 'inspect', args: ['inspect', directory] },
    ...compressions(subject),
    {
      name: 'apply',
      kind: 'apply',
      before: [['compress', directory, '--method', 'random', '--ratio', '0.5', '--plan-only', '--out', plan]],
      args: ['apply', plan, directory, '--out', join(scratch, 'applied')],
    },
    ...refinements(subject),
    ...evaluations(subject),
    leaderboard(subject),
    {
      name: 'serve',
      kind: 'serve',
      args: ['serve', directory, '--port', '0'],
      drive: (child) => load(child, subject.sizes.serve),
    },
  ];
}

const measuring = ({ rows, sizes }: Subject, size = sizes.calibration) => [
  '--calibration',
  `${rows.texts}:${size}`,
  '--no-evidence',
];

const compressions = (subject: Subject): Job[] =>
  subject.methods.map((method) => ({
    name: `compress-${method}`,
    kind: 'compress',
    args: [
      ...['compress', subject.directory, '--method', method, '--ratio', '0.5'],
      ...measuring(subject),
      ...['--out', join(subject.scratch, method)],
    ],
  }));

/**
 * Each refiner with a method whose plans it trains, and what these remove. The upper half of the layers is condensed
 * without a search, which `compress` is measured with. A dense model of half of the experts would take 16 bytes a number to
 * learn.
 */
const refiners = {
  'cd-moe': { method: 'cd-moe', asked: (layers: number) => ['--option', `layers=[${upperHalf(layers)}]`] },
  distil: { method: 'moe-to-dense', asked: () => ['--ratio', '0.96875'] },
} as const;

const upperHalf = (layers: number): number[] =>
  Array.from({ length: layers }, (_, layer) => layer).slice(Math.ceil(layers / 2));

function refinements(subject: Subject): Job[] {
  const { directory, layers, scratch, rows, sizes } = subject;
  return Object.entries(refiners)
    .filter(([, { method }]) => subject.methods.includes(method))
    .map(([refiner, { method, asked }]) => {
      const plan = join(scratch, `${method}.json`);
      return {
        name: `refine-${refiner}`,
        kind: 'refine',
        before: [
          [
            ...['compress', directory, '--method', method, ...asked(layers), '--plan-only', '--out', plan],
            ...measuring(subject, '2x64'),
          ],
        ],
        args: [
          ...['refine', directory, '--plan', plan, '--refiner', refiner],
          ...['--train', `${rows.texts}:${sizes.training}`],
          ...['--runs', join(scratch, 'runs', refiner), '--out', join(scratch, `refined-${refiner}`)],
        ],
      };
    });
}

/**
 * One task of each kind: answers to choose from, the same after five examples, text to write, text to read. The likeliest
 * tokens of random weights repeat themselves and so meet few experts; tokens that are drawn from all (`top_k=0`) meet them as
 * texts do.
 */
function evaluations({ directory, rows, sizes }: Subject): Job[] {
  const asked = [
    ['eval-choice', 'arc_easy', sizes.choice, null],
    ['eval-fewshot', 'mmlu_astronomy', sizes.fewshot, 5],
    ['eval-generate', 'gsm8k', sizes.generate, 5],
    ['eval-rolling', 'wikitext', sizes.rolling, null],
  ] as const;
  return asked.map(([name, task, limit, shots]) => ({
    name,
    kind: 'eval',
    args: [
      ...['eval', directory, '--tasks', task, '--limit', String(limit)],
      ...(shots === null ? [] : ['--num-fewshot', String(shots)]),
      ...['--data', rows.folder, '--no-answers'],
      ...(name === 'eval-generate' ? ['--gen-kwargs', 'do_sample=true,temperature=1,top_k=0'] : []),
    ],
  }));
}

/** The recipe is JSON, which YAML takes in. */
export const recipeOf = ({ directory, rows, sizes }: Subject) => ({
  title: 'Real size',
  models: [directory],
  methods: ['frequency', 'reap'],
  ratios: [0.5],
  tasks: ['arc_easy'],
  calibration: [`${rows.texts}:${sizes.calibration}`],
  limit: sizes.leaderboard,
});

const leaderboard = (subject: Subject): Job => ({
  name: 'leaderboard',
  kind: 'leaderboard',
  args: [
    ...['leaderboard', join(subject.scratch, 'recipe.yaml'), '--out', join(subject.scratch, 'leaderboard')],
    ...['--data', subject.rows.folder, '--no-evidence', '--no-answers'],
  ],
});
