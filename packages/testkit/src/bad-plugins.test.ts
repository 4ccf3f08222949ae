import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Compressor,
  definePlugin,
  type Exporter,
  type LayerPlan,
  MoepressError,
  moeBlocks,
  type Plugin,
  type TextSet,
} from '@moepress/core';
import { cast, expertHits, reduceMean } from '@moepress/graph';
import { column, defineTask, fixed, type Task, template } from '@moepress/harness';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { checksOf } from './conformance.js';
import { closeEngines } from './toys/engines.js';
import { temporaryFolder } from './toys/open-toys.js';

afterAll(closeEngines);

const options = z.strictObject({ ratio: z.number().min(0).lt(1), seed: z.int().default(0) });

type Options = z.infer<typeof options>;

/** Keeps the first experts of each layer. */
const keep =
  (shareOf: (ratio: number) => number): Compressor<Options>['plan'] =>
  async ({ model, options: { ratio } }) => ({
    layers: moeBlocks(model).flatMap(({ index, ffn }): LayerPlan[] => {
      const kept = Math.ceil(ffn.pool.length * (1 - shareOf(ratio)));
      if (kept === ffn.pool.length) return [];
      return [{ layer: index, ops: [{ op: 'keep-experts', experts: [...Array(kept).keys()] }] }];
    }),
  });

const good: Compressor<Options> = {
  specVersion: 1,
  name: 'm',
  title: 'Keep the first',
  reference: 'none',
  options,
  needs: () => [],
  plan: keep((ratio) => ratio),
};

const methodOf = (change: Partial<Compressor<Options>>): Plugin =>
  definePlugin({ name: 'bad', compressors: [{ ...good, ...change } as Compressor<Options>] });

let calls = 0;

/** A half, a quarter, a half and so on, from plan to plan. */
function alternating() {
  const share = calls++ % 2 === 0 ? 0.5 : 0.25;
  return () => share;
}

const methods: readonly [string, Partial<Compressor<Options>>, string][] = [
  [
    'refuses bad options with a hint',
    { options: z.object({ ratio: z.number(), seed: z.number().default(0) }) },
    'must be refused: nothing was thrown',
  ],
  [
    'makes a valid plan for toys of all kinds',
    { plan: async () => ({ layers: [{ layer: 9, ops: [] }] }) },
    'On the toy "plain"',
  ],
  ['decides the same again', { plan: (context) => keep(alternating())(context) }, 'decides otherwise'],
  [
    'changes nothing that it is given',
    {
      plan: async (context) => {
        (context.options as { seed: number }).seed = 3;
        return { layers: [] };
      },
    },
    'writes to the model or the options',
  ],
  ['removes nothing at ratio 0', { plan: keep(() => 0.5) }, 'changes the number of parameters'],
  ['meets its budget', { plan: keep(() => 0) }, '0.0 % go where 50.0 % were asked for'],
  ['outlines what it removes', { outline: () => [] }, 'another number of parameters'],
  [
    'measures the same in other batches and with two workers',
    {
      needs: () => [
        {
          ...expertHits,
          name: 'mean',
          collect: (_, { ffnInput }) => ({ mean: reduceMean(cast(ffnInput, 'float64'), [0]) }),
        },
      ],
    },
    'depends on how the text is split',
  ],
];

test.each(methods)('a method fails: %s', async (name, change, message) => {
  const check = checksOf(methodOf(change), { models: ['plain'] }).find((one) => one.name === `m: ${name}`)!;
  await expect(check.run()).rejects.toThrow(message);
});

test('a good method passes all of it', async () => {
  for (const { run } of checksOf(methodOf({}), { models: ['plain'] })) await run();
});

test('changed evidence is seen', async () => {
  const plan: Compressor<Options>['plan'] = async (context) => {
    for (const layer of context.evidence!.layers) layer.read(expertHits, 'count').fill(0);
    return keep((ratio) => ratio)(context);
  };
  const checks = checksOf(methodOf({ needs: () => [expertHits], plan }), { models: ['plain'] });
  await expect(checks.find(({ name }) => name.includes('changes nothing'))!.run()).rejects.toThrow(
    'work on copies',
  );
});

const set: TextSet = { specVersion: 1, name: 's', title: 'S', reference: 'none', documents: () => ['a'] };

test.each<[string, TextSet['documents'], string]>([
  ['no documents', () => [], 'gives no documents'],
  ['an empty text', () => [' '], 'is no text, or an empty one'],
  ['other texts each time', () => [String(calls++)], 'gives other documents'],
])('a set fails that gives %s', async (_, documents, message) => {
  const [check] = checksOf({ name: 'bad', calibrationSets: [{ ...set, documents }] });
  await expect(check!.run()).rejects.toThrow(message);
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
])('a task that %s: %s', async (_, name, change, message) => {
  const check = checksOf({ name: 'bad', tasks: [taskOf(change)] }).find((one) => one.name.includes(name))!;
  if (message === null) await check.run();
  else await expect(check.run()).rejects.toThrow(message);
});

test('a family without a reference fails, and so does one whose logits are others', async () => {
  const plugin: Plugin = { name: 'bad', architectures: [{ modelType: 'b_moe', title: 'B' }] };
  await expect(checksOf(plugin)[0]!.run()).rejects.toThrow('has no className');
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

test('nothing, and exceptions of what there is not, are refused', () => {
  expect(() => checksOf({ name: 'empty' })).toThrow('provides nothing');
  expect(() => checksOf(methodOf({}), { except: { 'm: flies': 'why' } })).toThrow(
    'There is no check "m: flies"',
  );
});
