import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Budget,
  definePlugin,
  type Exporter,
  MoepressError,
  type Refiner,
  type TextSet,
  tensorsByPath,
} from '@moepress/core';
import { column, defineTask, fixed, type Task, template } from '@moepress/harness';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { checksOf } from './conformance.js';
import { temporaryFolder } from './toys/open-toys.js';

/** Calibration sets, tasks, exporters and refiners, each with one fault that its check must see. */
export function testBadKinds(): void {
  let calls = 0;

  const set: TextSet = { specVersion: 1, name: 's', title: 'S', reference: 'none', documents: () => ['a'] };

  test.each<[string, TextSet['documents'], string]>([
    ['no documents', () => [], 'gives no documents'],
    ['an empty text', () => [' '], 'is no text, or an empty one'],
    ['other texts each time', () => [String(calls++)], 'gives other documents'],
  ])('a set fails that gives %s', async (_, documents, message) => {
    const [check] = checksOf({ name: 'bad', calibrationSets: [{ ...set, documents }] });
    await expect(check!.run()).rejects.toThrow(message);
  });

  test.each<[string, Budget['allot'], string | null]>([
    ['takes what a uniform one takes', ({ layers }) => layers.map(({ share }) => ({ steps: share })), null],
    ['takes nothing', ({ layers }) => layers.map(() => ({ steps: 0 })), 'must be totalSteps'],
    [
      'takes more than there is',
      ({ layers }) => layers.map(({ most }) => ({ steps: most + 1 })),
      'has room for',
    ],
  ])('a budget that %s', async (_, allot, message) => {
    const budget: Budget = {
      ...{ specVersion: 1, name: `b${calls++}`, title: 'B', reference: 'none', isUniform: false, allot },
      options: z.strictObject({}),
    };
    const [check] = checksOf({ name: 'bad', budgets: [budget] });
    if (message === null) await check!.run();
    else await expect(check!.run()).rejects.toThrow(message);
  });

  /** A task with two questions, whose first choice is right. */
  function taskOf(change: object): Task {
    const folder = temporaryFolder('rows');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'test.jsonl'), '{"q":"a","right":0}\n{"q":"b","right":0}\n');
    return defineTask({
      task: `t${calls++}`,
      dataset_path: 'json',
      dataset_kwargs: { data_files: { test: 'test.jsonl' }, folder },
      output_type: 'multiple_choice',
      test_split: 'test',
      row: z.object({ q: z.string(), right: z.int() }),
      doc_to_text: template('{{q}}'),
      doc_to_target: column<'right', number>('right'),
      doc_to_choice: fixed('yes', 'no'),
      metric_list: [{ metric: 'acc' }],
      metadata: { version: 1 },
      ...change,
    } as Parameters<typeof defineTask>[0]);
  }

  test.each<[string, string, object, string | null]>([
    ['is as it should be', 'full marks', {}, null],
    [
      'asks otherwise each time',
      'asks the same',
      { doc_to_text: { source: '', render: () => String(calls++) } },
      'asks otherwise',
    ],
    [
      'calls the answer by a number that there is not',
      'full marks',
      { doc_to_target: { source: '', render: () => 7 } },
      'do not fit each other',
    ],
    [
      'cannot tell its choices apart',
      'full marks',
      { doc_to_choice: fixed('yes', 'yes') },
      'gives wrong answers as much acc,none as right ones',
    ],
  ])('a task that %s: %s', async (_, name, change, message) => {
    const check = checksOf({ name: 'bad', tasks: [taskOf(change)] }).find((one) => one.name.includes(name))!;
    if (message === null) await check.run();
    else await expect(check.run()).rejects.toThrow(message);
  });

  test('a task that has no such field fails', async () => {
    const [check] = checksOf({ name: 'bad', tasks: [{ ...taskOf({}), ...{ colour: 'red' } }] });
    await expect(check!.run()).rejects.toThrow('is not one that this moepress knows');
  });

  test.each<[string, Partial<Exporter>, string]>([
    ['writes nothing', { write: async () => {} }, 'nothing is written to path'],
    [
      'writes otherwise each time',
      { write: async ({ path }) => writeFileSync(path, String(calls++)) },
      'otherwise',
    ],
    [
      'takes nothing',
      {
        check: () => {
          throw new MoepressError('CONFIG_UNSUPPORTED', { message: 'Never.' });
        },
      },
      'refuses every toy',
    ],
  ])('an exporter fails that %s', async (_, change, message) => {
    const exporter: Exporter = {
      specVersion: 1,
      name: 'e',
      title: 'E',
      reference: 'none',
      output: 'file',
      write: async ({ path }) => writeFileSync(path, 'e'),
      ...change,
    };
    const [check] = checksOf({ name: 'bad', exporters: [exporter] }, { models: ['plain'] });
    await expect(check!.run()).rejects.toThrow(message);
  });

  const options = z.strictObject({ seed: z.int().default(0) });

  /** Trains the routers, each time as fast as `rate` says. */
  const refinerOf = (rate: () => number, change: Partial<Refiner<z.infer<typeof options>>> = {}) =>
    definePlugin({
      name: 'bad',
      refiners: [
        {
          specVersion: 1,
          name: 'r',
          title: 'R',
          reference: 'none',
          options,
          async refine({ student, sequences, validation, options: { seed }, train }) {
            const { tensors, curve } = await train({
              name: 'r',
              model: student,
              trainable: [...tensorsByPath(student).keys()].filter((path) => path.endsWith('router.weight')),
              loss: { kind: 'cross-entropy' },
              sequences,
              validation,
              steps: 1,
              sequencesPerStep: 1,
              optimiser: { learningRate: rate(), beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
              schedule: { kind: 'constant', warmup: 0, final: 1 },
              clip: 1,
              evaluateEvery: null,
              seed,
            });
            return { tensors, curves: { r: curve } };
          },
          ...change,
        } as Refiner,
      ],
    });

  test.each<[string, string, Parameters<typeof refinerOf>, string]>([
    ['learns otherwise each time', 'trains tensors', [() => ++calls * 1e-3], 'learns other values of'],
    [
      "gives tensors that are not the model's",
      'trains tensors',
      [() => 1e-3, { refine: async () => ({ tensors: new Map(), curves: {} }) }],
      'tensors that do not fit',
    ],
    [
      'takes any option',
      'bad options',
      [() => 1e-3, { options: z.looseObject({ seed: z.int() }) }],
      'nothing was thrown',
    ],
  ])('a refiner that %s: %s', async (_, name, given, message) => {
    const check = checksOf(refinerOf(...given)).find((one) => one.name.includes(name))!;
    await expect(check.run()).rejects.toThrow(message);
  });
}
