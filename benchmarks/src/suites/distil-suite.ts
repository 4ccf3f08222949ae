import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, openTokenizer, readSafetensors, writeSafetensors } from '@moepress/checkpoint';
import type { CalibrationSet, TokenSequence } from '@moepress/core';
import { applyPlan, type Model, measure, PluginRegistry, tensorsByPath, withTensors } from '@moepress/core';
import {
  evaluate,
  loadCalibration,
  loadTraining,
  openDatasets,
  parseCalibration,
  tokenizedLanguageModel,
} from '@moepress/harness';
import { calibrate, Engine, ModelRunner, planCompression, refineModel } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { randomTensors } from '../random.js';
import { timeSteps } from '../training.js';

const measuredOn = 'tiny:256';
const learnedFrom = 'tiny:400x128+tiny_gsm[train]:400';
/** Steps of every student, and of the dense teacher, which is to be a good model. */
const steps = { student: 400, teacher: 800 } as const;
const training = { batch: 16, learningRate: 3e-3, seed: 0 } as const;

/** Configurations chosen from the grid of 350 (`grid.yaml` of the plugin) by perplexity before distillation. */
const configurations = {
  'MoE-to-dense, best of the grid': {
    scoring: 'output-norm',
    grouping: 'balanced',
    scaling: 'proportional',
    keep: 6,
  },
  'MoE-to-dense, defaults': {},
  'MoE-to-dense, worst of the grid': {
    scoring: 'sf',
    grouping: 'co-activation',
    scaling: 'uniform',
    keep: 16,
  },
} as const;

/** Plugins are found by name, here as anywhere. */
const registry = new PluginRegistry({
  installed: async () => [
    { package: '@moepress/plugin-moe-to-dense', methods: ['moe-to-dense'], refiners: ['distil'] },
    { package: '@moepress/plugin-baselines', methods: ['dense-width'], refiners: [] },
  ],
  load: async (name) => ({ version: 'benchmark', plugin: (await import(name)).default }),
});

/** The settings that all models share. */
interface Setting {
  readonly engine: Engine;
  readonly measured: CalibrationSet;
  readonly sequences: readonly TokenSequence[];
  /** The folder in which runs keep their state. */
  readonly folder: string;
}

interface Scores {
  /** Perplexity on held-out tokens. */
  readonly perplexity: number;
  readonly gsm: number;
  readonly facts: number;
}

/** A line of the table. */
interface Row extends Scores {
  readonly name: string;
  readonly parameters: number;
  /** Perplexity before distillation; null for what was not distilled. */
  readonly before: number | null;
}

/**
 * MoE-to-dense beside dense-to-dense on the embedded model (the comparison of arXiv:2605.28207, appendix M): students of
 * one size, distilled for equal steps on equal data with one thread each, so that every machine gets the same bits. The
 * dense teacher, as large as the MoE, is all its experts side by side, distilled from it first; its student is that
 * teacher made narrower. Then how fast a student learns from each of the two teachers.
 */
export async function distilSuite(): Promise<void> {
  const base = await openModel(tinyModel.directory);
  const folder = await mkdtemp(join(tmpdir(), 'moepress-distil-'));
  const engine = new Engine();
  try {
    const setting: Setting = { engine, folder, ...(await loadData(base)) };
    const students: [string, Model][] = [];
    for (const [name, options] of Object.entries(configurations)) {
      students.push([name, await compressed(base, 'moe-to-dense', options, setting)]);
    }
    const [, student] = students[0]!;
    students.push(['random FFNs', await withRandomFfns(student, folder)]);
    const untaught = await compressed(base, 'moe-to-dense', { ratio: 0 }, setting);
    // Small models gain nothing from a second thread: one core is for each kind of teacher.
    const [dense, sparse] = await Promise.all([
      denseToDense(base, untaught, student, setting),
      moeToDense(base, students, setting),
    ]);
    print([await rowOf('MoE', base, null), ...sparse, ...dense.rows]);
    await compareSpeed(student, { MoE: base, dense: dense.teacher }, setting);
  } finally {
    await engine.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

async function moeToDense(
  base: Model,
  students: readonly (readonly [string, Model])[],
  setting: Setting,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, student] of students) {
    rows.push(await rowOf(name, await distilled(student, base, steps.student, setting), student));
  }
  return rows;
}

/** The dense teacher, and what becomes of it at the size of `like`. */
async function denseToDense(base: Model, untaught: Model, like: Model, setting: Setting) {
  const teacher = await distilled(untaught, base, steps.teacher, setting);
  const { ffn } = like.blocks[0]!;
  const width = ffn.kind === 'dense' ? ffn.mlp.width : 0;
  const initial = await compressed(teacher, 'dense-width', { width }, setting);
  const student = await distilled(initial, teacher, steps.student, setting);
  const rows = [
    await rowOf('dense teacher', teacher, untaught),
    await rowOf('dense-to-dense', student, initial),
  ];
  return { teacher, rows };
}

async function loadData(base: Model): Promise<Pick<Setting, 'measured' | 'sequences'>> {
  const options = {
    seed: 0,
    datasets: openDatasets({ embedded: tinyModel.directory }),
    files: { tiny: tinyModel.calibrationFile },
    tokenizer: await openTokenizer(tinyModel.directory),
    maxPositions: base.config.maxPositions,
  };
  const { sequences } = await loadTraining(parseCalibration(learnedFrom), options);
  return { sequences, measured: await loadCalibration(parseCalibration(measuredOn), options) };
}

async function compressed(
  model: Model,
  method: string,
  options: object,
  { engine, measured }: Setting,
): Promise<Model> {
  const plan = await planCompression(engine, {
    model,
    method: await registry.find(method),
    options,
    measure: (statistics) => calibrate(engine, { model, set: measured, statistics }),
    calibration: async () => measured,
  });
  return applyPlan(model, plan);
}

async function distilled(
  student: Model,
  teacher: Model,
  count: number,
  { sequences, folder }: Setting,
): Promise<Model> {
  const { view } = await refineModel({
    threads: 1,
    student,
    teacher,
    refiner: await registry.findRefiner('distil'),
    options: { ...training, steps: count },
    sequences,
    validation: [],
    folder,
  });
  return view;
}

/** The student with everything but its FFNs from the teacher. */
async function withRandomFfns(student: Model, folder: string): Promise<Model> {
  const { matrix } = randomTensors();
  const ffns = [...tensorsByPath(student)].filter(([path]) => path.includes('.ffn.'));
  const file = join(folder, 'random.safetensors');
  await writeSafetensors(
    file,
    ffns.map(([path, { shape }]) => matrix(path, ...shape)),
  );
  return withTensors(student, (await readSafetensors(file)).tensors);
}

/** Scores a model, and what it was before distillation. */
async function rowOf(name: string, model: Model, initial: Model | null): Promise<Row> {
  const before = initial && (await scoresOf(initial, ['tiny_heldout'])).perplexity;
  const after = await scoresOf(model, ['tiny_heldout', 'tiny_gsm', 'tiny_facts']);
  return { name, parameters: measure(model).total.parameters, before, ...after };
}

async function scoresOf(model: Model, tasks: readonly string[]): Promise<Scores> {
  const runner = await ModelRunner.open(model, { threads: 1 });
  try {
    const { record } = await evaluate({
      tasks,
      model: tokenizedLanguageModel({
        tokenizer: await openTokenizer(tinyModel.directory),
        engine: runner,
        name: model.id,
        eosTokenIds: model.config.eosTokenIds,
      }),
      data: openDatasets({ embedded: tinyModel.directory }),
    });
    const { tiny_heldout, tiny_gsm, tiny_facts } = record.results;
    return {
      perplexity: Number(tiny_heldout?.['token_perplexity,none']),
      gsm: Number(tiny_gsm?.['exact_match,strict-match']),
      facts: Number(tiny_facts?.['acc,none']),
    };
  } finally {
    await runner.dispose();
  }
}

function print(rows: readonly Row[]): void {
  console.log(
    `distillation of the embedded model: ${steps.student} steps of ${training.batch} sequences, the dense teacher ${steps.teacher}`,
  );
  const show = (name: string, ...cells: string[]) =>
    console.log(`  ${name.padEnd(32)}${cells.map((cell) => cell.padStart(18)).join('')}`);
  show('', 'parameters', 'perplexity before', 'after', 'tiny_gsm', 'tiny_facts');
  for (const { name, parameters, before, ...after } of rows) {
    const scores = [after.perplexity, after.gsm, after.facts].map((score) => score.toFixed(3));
    show(name, `${(parameters / 1e6).toFixed(2)} M`, before?.toPrecision(3) ?? '', ...scores);
  }
}

async function compareSpeed(
  student: Model,
  teachers: { readonly MoE: Model; readonly dense: Model },
  { sequences, folder }: Setting,
): Promise<void> {
  const { tokens, seconds } = await timeSteps(student, { ...teachers, none: null }, sequences, folder);
  const speed = (name: keyof typeof seconds) => `${(tokens / seconds[name]).toFixed(0)} tokens/s`;
  const share = (name: 'MoE' | 'dense') => `${(100 * (1 - seconds.none / seconds[name])).toFixed(0)} %`;
  const times = (name: 'MoE' | 'none') => `${(seconds.dense / seconds[name]).toFixed(2)} x`;
  console.log(
    `  learning from the dense teacher ${speed('dense')}, from the MoE ${speed('MoE')}: ${times('MoE')} as fast`,
  );
  console.log(
    `  of a step the dense teacher takes ${share('dense')} and the MoE ${share('MoE')}: one that took no time would be ${times('none')} as fast (${speed('none')})`,
  );
}
