import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { checkPlugin } from './check-plugin.js';

const described = { name: 'x', title: 'X', reference: 'none' };
const method = {
  ...described,
  specVersion: 1,
  options: z.object({}),
  needs: () => [],
  plan: async () => ({ layers: [] }),
};
const statistic = { name: 's', version: 1, pass: 'forward', collect: () => ({}) };
const scorer = { ...described, needs: [statistic], score: () => new Float64Array() };
const refiner = { ...described, specVersion: 1, options: z.object({}), refine: async () => ({}) };
const texts = { ...described, specVersion: 1, documents: () => [] };
const architecture = { modelType: 'x_moe', title: 'X' };
const exporter = { ...described, specVersion: 1, output: 'file', write: async () => {} };
const whole = {
  name: 'x',
  compressors: [method],
  scorers: [scorer],
  refiners: [refiner],
  tasks: [{ task: 'x' }, { group: 'y' }],
  calibrationSets: [texts],
  exporters: [exporter],
  architectures: [architecture],
};

test('takes a plugin as it is', () => {
  expect(checkPlugin(whole, 'x')).toBe(whole);
  expect(checkPlugin({ name: 'x' }, 'x')).toEqual({ name: 'x' });
});

describe('refuses', () => {
  test.each<[string, unknown, string]>([
    [
      'nothing',
      undefined,
      'The package has no plugin as its default export: the result of definePlugin() was wanted.',
    ],
    ['a plugin without a name', { scorers: [] }, 'The package has no plugin as its default export'],
    [
      'a list that there is not',
      { name: 'x', scorer: [] },
      'has a field "scorer": one of compressors, scorers,',
    ],
    ['methods that are no list', { name: 'x', compressors: { x: method } }, 'compressors is {'],
    ['an empty slot', { name: 'x', compressors: [null] }, 'compressors[0] is null: an object was wanted.'],
    [
      'a method of a later contract',
      { name: 'x', compressors: [method, { ...method, specVersion: 2 }] },
      'In the plugin "x" compressors[1].specVersion is 2: 1, which this moepress knows was wanted.',
    ],
    [
      'a method without plan()',
      { name: 'x', compressors: [{ ...method, plan: undefined }] },
      'compressors[0].plan is missing: a function was wanted.',
    ],
    [
      'options without a schema',
      { name: 'x', compressors: [{ ...method, options: { ratio: 1 } }] },
      'compressors[0].options is {"ratio":1}: a schema that follows Standard Schema, such as one of zod was wanted.',
    ],
    ['a name with a blank', { name: 'x', scorers: [{ ...scorer, name: 'a b' }] }, 'scorers[0].name is "a b"'],
    [
      'a scorer without its statistics',
      { name: 'x', scorers: [{ ...scorer, needs: [{ name: 's' }] }] },
      'scorers[0].needs is [{"name":"s"}]: a list of statistics',
    ],
    ['two of one name', { name: 'x', scorers: [scorer, scorer] }, 'scorers holds two that are called "x"'],
    [
      'a refiner without refine()',
      { name: 'x', refiners: [{ ...refiner, refine: 1 }] },
      'refiners[0].refine is 1',
    ],
    ['a task without a name', { name: 'x', tasks: [{}] }, 'tasks[0] has no name: a text was wanted.'],
    [
      'a set without documents',
      { name: 'x', calibrationSets: [{ ...texts, documents: ['a'] }] },
      'calibrationSets[0].documents is ["a"]: a function was wanted.',
    ],
    [
      'an exporter to what there is not',
      { name: 'x', exporters: [{ ...exporter, output: 'tape' }] },
      'exporters[0].output is "tape": "file" or "folder" was wanted.',
    ],
    [
      'a family without a title',
      { name: 'x', architectures: [{ modelType: 'x' }] },
      'architectures[0].title is missing: a text was wanted.',
    ],
  ])('%s', (_, plugin, message) => {
    expect(() => checkPlugin(plugin, 'moepress-plugin-x')).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_INVALID',
        where: 'moepress-plugin-x',
        message: expect.stringContaining(message),
      }),
    );
  });
});
