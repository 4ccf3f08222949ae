import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { searchTasks } from './lists.js';
import { describeMethods } from './methods/describe-methods.js';

it('finds tasks by part of a name or tag, or by a pattern, also those of a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-lists-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'a.yaml'), 'task: arc_mine\ntag: school\noutput_type: generate_until');
  writeFileSync(join(folder, 'b.yaml'), 'task: [');
  const names = async (search?: string) =>
    (await searchTasks({ search, includePath: folder })).tasks.map(({ kind, name }) => `${kind} ${name}`);
  expect(await names('ARC')).toEqual(['task arc_challenge', 'task arc_easy', 'task arc_mine']);
  expect(await names('scho')).toContain('tag school');
  expect(await names('*_mine')).toEqual(['task arc_mine']);
  expect(await names()).toContain('group mmlu');
  const { tasks, broken } = await searchTasks({ search: 'arc_mine', includePath: folder });
  expect(tasks).toMatchObject([
    { outputType: 'generate_until', tags: ['school'], file: join(folder, 'a.yaml') },
  ]);
  expect(broken).toHaveLength(1);
});

it('tells the options of methods and refiners', async () => {
  const [reap] = await describeMethods('reap');
  expect(reap).toMatchObject({ kind: 'method', package: '@moepress/plugin-baselines' });
  expect(reap!.options).toContainEqual({
    name: 'ratio',
    type: 'number',
    // A budget may say the size in its place.
    isRequired: false,
    description: null,
  });
  expect(reap!.options).toContainEqual(expect.objectContaining({ name: 'seed', default: 0 }));
  expect((await describeMethods('cd-moe')).map(({ kind }) => kind)).toEqual(['method', 'refiner']);
  await expect(describeMethods('raep')).rejects.toMatchObject({
    code: 'METHOD_UNKNOWN',
    message: expect.stringContaining('"reap"'),
  });
});
