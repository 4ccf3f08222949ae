import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findArchitecture, registerArchitectures } from '@moepress/checkpoint';
import {
  type Budget,
  type Exporter,
  type Plugin,
  type Scorer,
  type TextSet,
  totalSteps,
} from '@moepress/core';
import {
  findKnown,
  findTaskOrGroup,
  parseCalibration,
  registerTextSets,
  type Task,
  type TaskGroup,
} from '@moepress/harness';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compress } from '../compress.js';
import { readGrid } from '../experiments/sweep/grid.js';
import { exportModel } from '../export-model.js';
import { searchTasks } from '../lists.js';
import { embeddedDirectory } from '../models/embedded.js';
import { calibrationSet } from '../models/model-data.js';
import { openModel } from '../models/open-model.js';
import { useTasks, useTexts } from './use-plugins.js';

const facts = findTaskOrGroup('tiny_facts');
const quiz: TaskGroup = {
  group: 'quiz',
  members: [{ ...facts, task: 'quiz_part' } as Task],
  metrics: ['acc'],
  version: 1,
};
const pets: TextSet = {
  specVersion: 1,
  name: 'pets',
  title: 'Texts about pets',
  reference: 'none',
  async *documents() {
    yield 'The cat sleeps.';
    yield 'The dog barks.';
  },
};
const plugin: Plugin = {
  name: 'moepress-plugin-quiz',
  tasks: [{ ...facts, task: 'quiz_facts' }, quiz],
  calibrationSets: [pets],
  architectures: [{ ...findArchitecture('qwen2_moe', 'test'), modelType: 'quiz_moe', title: 'Quiz' }],
};
const plugins = [plugin];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-use-'));
  cpSync(embeddedDirectory, folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, model_type: 'quiz_moe' }));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('tasks of a plugin are listed before it is loaded, and found by name and pattern', async () => {
  const { tasks } = await searchTasks({ search: 'quiz', plugins });
  expect(tasks.map(({ name, package: from }) => [name, from])).toEqual([
    ['quiz', plugin.name],
    ['quiz_facts', plugin.name],
  ]);
  const grid = { model: 'tiny', method: 'random', options: { ratio: 0.5 }, tasks: ['quiz'] };
  await expect(readGrid(grid)).rejects.toMatchObject({ code: 'TASK_UNKNOWN' });
  expect((await readGrid(grid, { plugins })).data.tasks).toEqual(['quiz']);
  expect(findTaskOrGroup('quiz_part')).toMatchObject({ task: 'quiz_part', num_fewshot: 0 });
  expect(() => findTaskOrGroup('quiz_facts')).toThrow(expect.objectContaining({ code: 'TASK_UNKNOWN' }));
  await useTasks(['quiz_*'], { plugins });
  expect(findTaskOrGroup('quiz_facts')).toMatchObject({ task: 'quiz_facts' });
});

test.each<[string, Plugin, string]>([
  ['is no task', { name: 'p', tasks: [{ task: 'bad_one' }] }, 'is not one that this moepress knows'],
  ['has a name of ours', { name: 'p', tasks: [{ ...facts, task: 'arc_easy' }] }, 'of a task of moepress'],
  ['has the name of another plugin', { name: 'p', tasks: [{ ...facts, task: 'quiz_b' }] }, 'of first'],
])('a task that %s is refused', async (_, bad, message) => {
  const first: Plugin = { name: 'first', tasks: [{ ...facts, task: 'quiz_b' }] };
  await useTasks(['quiz_b'], { plugins: [first] });
  const group: TaskGroup = {
    group: `all_${message.length}`,
    members: bad.tasks as readonly Task[],
    metrics: [],
    version: 1,
  };
  await expect(useTasks([group.group], { plugins: [{ name: 'p', tasks: [group] }] })).rejects.toMatchObject({
    code: 'PLUGIN_INVALID',
    message: expect.stringContaining(message),
  });
});

test('what a plugin only declares is suggested, and it is not loaded', async () => {
  const declaring: Plugin = {
    name: 'declaring',
    tasks: [{ ...facts, task: 'harbour_facts' }],
    calibrationSets: [{ ...pets, name: 'ships' }],
  };
  await useTasks(['harbour_fact'], { plugins: [declaring] });
  expect(() => findTaskOrGroup('harbour_fact')).toThrow(
    expect.objectContaining({
      message: 'There is no task "harbour_fact". Did you mean "harbour_facts"?',
      hint: expect.stringContaining('harbour_facts'),
    }),
  );
  expect(findKnown('harbour_facts')).toBeUndefined();
  const tiny = await openModel('tiny');
  const asked = (calibration: string) => calibrationSet(tiny, { calibration, plugins: [declaring] }, {});
  await expect(asked('ship')).rejects.toMatchObject({
    message: 'There is no calibration set "ship". Did you mean "ships"?',
  });
  expect((await asked('ships')).sequences).toHaveLength(2);
});

test('sets and tasks of a plugin are calibration sets', async () => {
  const tiny = await openModel('tiny');
  const read = async (calibration: string) =>
    (await calibrationSet(tiny, { calibration, plugins }, {})).sequences.length;
  expect(await read('pets')).toBe(2);
  expect(await read('quiz_part[test]:3')).toBe(3);
  await expect(calibrationSet(tiny, { calibration: 'pats', plugins }, {})).rejects.toMatchObject({
    code: 'CALIBRATION_INVALID',
    message: 'There is no calibration set "pats". Did you mean "pets"?',
  });
});

test.each<[string, () => Iterable<unknown>, string]>([
  ['no texts', () => [1], 'document 0 is not a text'],
  [
    'an error',
    () => {
      throw new Error('no disk');
    },
    'no disk',
  ],
])('a set that gives %s is blamed on its plugin', async (name, documents, message) => {
  const set = { ...pets, name: name.replace(' ', '-'), documents } as TextSet;
  const tiny = await openModel('tiny');
  await expect(
    calibrationSet(tiny, { calibration: set.name, plugins: [{ name: 'p', calibrationSets: [set] }] }, {}),
  ).rejects.toMatchObject({
    code: 'PLUGIN_INVALID',
    where: 'p 0.0.0',
    message: expect.stringContaining(message),
  });
});

test('a set with the name of another is refused', async () => {
  await useTexts(parseCalibration('pets'), [], { plugins });
  const p = { package: 'p', version: '1.0.0' };
  const blame = (message: string) => expect.objectContaining({ code: 'PLUGIN_INVALID', message });
  expect(() => registerTextSets([pets], p)).toThrow(
    blame('The calibration set "pets" of p has the name of one of moepress-plugin-quiz.'),
  );
  expect(() => registerTextSets([{ ...pets, name: 'c4' }], p, ['c4'])).toThrow(
    blame('The calibration set "c4" of p has the name of one of moepress.'),
  );
});

describe('a format of a plugin', () => {
  const exporter: Exporter = {
    specVersion: 1,
    name: 'norms',
    title: 'Norms',
    reference: 'none',
    output: 'file',
    write: async ({ model, path, read }) =>
      writeFileSync(path, JSON.stringify([...(await read(model.finalNorm))])),
  };
  const withExporter = (change: Partial<Exporter>) => ({
    to: 'norms',
    plugins: [{ name: 'formats', exporters: [{ ...exporter, ...change }] }],
  });

  test('is written to, as a file or a folder', async () => {
    const file = join(folder, 'norms.json');
    expect(await exportModel('tiny', file, withExporter({}))).toMatchObject({ to: 'norms', out: file });
    expect(JSON.parse(readFileSync(file, 'utf8')).every(Number.isFinite)).toBe(true);
    const write: Exporter['write'] = async ({ path }) => writeFileSync(join(path, 'a.txt'), 'a');
    const out = join(folder, 'norms');
    await exportModel('tiny', out, withExporter({ output: 'folder', write }));
    expect(readdirSync(out)).toEqual(['a.txt']);
  });

  test.each<[string, Partial<Exporter>, string]>([
    ['fails', { write: async () => Promise.reject(new Error('no ink')) }, 'Exporter "norms" failed: no ink'],
    ['writes nothing', { write: async () => {} }, 'without writing the file'],
  ])('that %s is blamed on it, and leaves nothing', async (_, change, message) => {
    const out = join(folder, 'failed.json');
    await expect(exportModel('tiny', out, withExporter(change))).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      where: 'formats 0.0.0',
      message: expect.stringContaining(message),
    });
    expect(readdirSync(folder).filter((name) => name.includes('failed'))).toEqual([]);
  });

  test('that there is not is told with those that there are', async () => {
    await expect(exportModel('tiny', 'x', { ...withExporter({}), to: 'norm' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: 'There is no format "norm" to export to. Did you mean "norms"?',
      hint: expect.stringMatching(/gguf, .*norms/),
    });
  });
});

test('a family of a plugin opens', async () => {
  await expect(openModel(folder)).rejects.toMatchObject({ code: 'ARCHITECTURE_UNKNOWN' });
  expect(await openModel(folder, { plugins })).toMatchObject({ architecture: 'quiz_moe' });
  expect(await openModel(folder)).toMatchObject({ architecture: 'quiz_moe' });
});

test.each<[string, object, string]>([
  ['no manifest', { modelType: 'half_moe', title: 'Half' }, 'className is missing: a text was wanted'],
  ['a family of ours', { ...findArchitecture('olmoe', 'test') }, 'is one of moepress already'],
])('%s is refused', (_, manifest, message) => {
  expect(() => registerArchitectures([manifest], { package: 'p', version: '1.0.0' })).toThrow(
    expect.objectContaining({ code: 'PLUGIN_INVALID', message: expect.stringContaining(message) }),
  );
});

test('one plugin adds a ranking, a budget for any ranking, and a task', async () => {
  const everyFourth: Scorer = {
    name: 'every-fourth',
    title: 'Drop every fourth expert first',
    reference: 'none: a test',
    needs: [],
    score: (_, { ffn }) => Float64Array.from(ffn.pool.keys(), (expert) => (expert + 1) % 4),
  };
  const fromTheTop: Budget = {
    specVersion: 1,
    name: 'from-the-top',
    title: 'Experts leave the last layers first',
    reference: 'none: a test',
    options: z.strictObject({}),
    isUniform: false,
    allot({ layers }) {
      let left = totalSteps(layers);
      const steps = layers.toReversed().map(({ most }) => {
        const own = Math.min(left, most);
        left -= own;
        return { steps: own };
      });
      return steps.reverse();
    },
  };
  const three: Plugin = {
    name: 'moepress-plugin-three',
    scorers: [everyFourth],
    budgets: [fromTheTop],
    tasks: [{ ...facts, task: 'facts_again' }],
  };
  const keptBy = async (method: string, budget?: string) => {
    const options = { plugins: [three], method, ratio: 0.25, options: { ...(budget && { budget }) } };
    const { layers } = await compress('tiny', options);
    return layers.map(({ layer, ops: [op] }) => [layer, op?.op === 'keep-experts' && op.experts.length]);
  };
  await expect(keptBy('random', 'from-the-bottom')).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
  expect(await keptBy('every-fourth')).toEqual([0, 1, 2, 3].map((layer) => [layer, 12]));
  const top = [
    [2, 12],
    [3, 4],
  ];
  expect(await keptBy('every-fourth', 'from-the-top')).toEqual(top);
  expect(await keptBy('random', 'from-the-top')).toEqual(top);
  await useTasks(['facts_again'], { plugins: [three] });
  expect(findTaskOrGroup('facts_again')).toMatchObject({ task: 'facts_again' });
});
