import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { readRecipe } from '../experiments/leaderboard/recipe.js';
import { readYaml } from './yaml-file.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-yaml-'));
const file = join(folder, 'file.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string) {
  writeFileSync(file, text);
  return readYaml(file, z.unknown(), 'The file');
}

const laughs = [
  'a: &a [x, x, x, x]',
  ...[...'bcdefghi'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]}, `.repeat(8)}]`),
];

it.each([
  ['an alias of nothing', 'tasks: [*nothing]', 'nothing'],
  ['an alias within itself', 'a: &a [1, *a]', 'within itself'],
  ['a map within itself', 'a: &a\n  b: 1\n  c: *a', 'within itself'],
  ['a billion laughs', laughs.join('\n'), 'alias'],
  ['keys without an end', '? '.repeat(16_000), 'nests'],
  ['marks without an end', '- ? - : '.repeat(4000), 'nests'],
  ['lists without an end', '['.repeat(20_000), ''],
  ['lists that nest too deep', `${'['.repeat(60)}${']'.repeat(60)}`, 'deeper than 50'],
  ['a key twice', 'a: 1\nb: 2\na: 3', '"a" is there twice'],
  ['a text that is too long', `# ${'x'.repeat(40_000)}`, 'characters'],
])('refuses %s', async (_, text, problem) => {
  await expect(read(text)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    message: expect.stringContaining(problem),
    where: expect.stringContaining(file),
  });
});

it('reads aliases, and many keys in linear time', async () => {
  expect((await read('a: &a [1]\nb: *a\nc: *a')).data).toEqual({ a: [1], b: [1], c: [1] });
  const { data } = await read(Array.from({ length: 3000 }, (_, i) => `k${i}: 1`).join('\n'));
  expect(Object.keys(data as object)).toHaveLength(3000);
});

it('refuses recipes with more cells than anyone could wait for', async () => {
  const recipe = { models: ['tiny'], tasks: ['tiny_gsm'], methods: ['random'], ratios: [0.5] };
  const asked = (more: object) => {
    writeFileSync(file, JSON.stringify({ ...recipe, ...more }));
    return readRecipe(file);
  };
  const list = (count: number, of: (i: number) => unknown) => Array.from({ length: count }, (_, i) => of(i));
  const ratios = list(256, (i) => (i + 1) / 300);
  expect((await asked({ ratios, seeds: list(19, (i) => i) })).data.ratios).toHaveLength(256);
  for (const more of [
    { ratios, seeds: list(256, (i) => i), calibration: list(256, (i) => `tiny:${i + 1}`) },
    { ratios, seeds: list(40, (i) => i) },
    { methods: list(30, () => ({ method: 'random', ratios: list(200, () => 0.5) })), seeds: [0, 1] },
    { models: list(256, (i) => `m${i}`), methods: list(256, () => 'random') },
  ]) {
    await expect(asked(more)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('More than 10000 combinations'),
    });
  }
});
