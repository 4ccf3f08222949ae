import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PluginRegistry } from '@moepress/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPackageHost } from './host.js';

let root: string;
const write = (path: string, content: string | object) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
};
const plugin = (name: string, method: string) => `
  const options = {};
  const compressor = { specVersion: 1, name: '${method}', options, needs() {}, plan() {} };
  export default { name: '${name}', compressors: [compressor] };`;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'moepress-host-'));
  // The command as installed, with a plugin of its own.
  write('global/cli/package.json', {
    name: 'moepress',
    dependencies: { '@moepress/plugin-a': '1', zod: '4' },
  });
  write('global/node_modules/zod/package.json', { name: 'zod' });
  write('global/node_modules/@moepress/plugin-a/package.json', {
    version: '1.0.0',
    type: 'module',
    exports: { '.': { types: './a.d.ts', node: { import: './a.js' } } },
    moepress: { methods: ['a', 'a2', 7], refiners: ['a'] },
  });
  write('global/node_modules/@moepress/plugin-a/a.js', plugin('a', 'a'));
  // The user's project.
  write('project/package.json', {
    dependencies: { 'moepress-plugin-b': '1', broken: '1', missing: '1' },
    devDependencies: { '@moepress/plugin-a': '2', 'moepress-plugin-bad': '1' },
  });
  write('project/node_modules/moepress-plugin-b/package.json', {
    version: '0.3.0',
    type: 'module',
    main: 'lib/b.js',
    keywords: ['moepress-plugin'],
  });
  write('project/node_modules/moepress-plugin-b/lib/b.js', plugin('b', 'b'));
  write('project/node_modules/broken/package.json', '{');
  write('project/node_modules/moepress-plugin-bad/package.json', { type: 'module', moepress: {} });
  write('project/node_modules/moepress-plugin-bad/index.js', "throw new Error('no GPU here');");
  write('project/deep/er/file.txt', '');
});
afterAll(() => rmSync(root, { recursive: true }));

const host = (cwd = 'project/deep/er') => createPackageHost(join(root, cwd), join(root, 'global/cli'));

describe('createPackageHost', () => {
  test('lists the plugins of the nearest project and of the command', async () => {
    expect(await host().installed()).toEqual([
      { package: 'moepress-plugin-b', methods: ['b'], refiners: [] },
      { package: '@moepress/plugin-a', methods: ['a', 'a2'], refiners: ['a'] },
      { package: 'moepress-plugin-bad', methods: ['bad'], refiners: [] },
    ]);
  });

  test('needs no project', async () => {
    expect(await host('global/cli').installed()).toEqual([
      { package: '@moepress/plugin-a', methods: ['a', 'a2'], refiners: ['a'] },
    ]);
  });

  test('loads through exports and through main', async () => {
    expect(await host().load('@moepress/plugin-a')).toMatchObject({
      version: '1.0.0',
      plugin: { name: 'a' },
    });
    expect(await host().load('moepress-plugin-b')).toMatchObject({ version: '0.3.0', plugin: { name: 'b' } });
  });

  test("prefers the project's version of a package", async () => {
    write('other/package.json', {});
    write('other/node_modules/@moepress/plugin-a/package.json', { version: '2.0.0', exports: './index.js' });
    write('other/node_modules/@moepress/plugin-a/index.js', 'module.exports = { name: "a of the project" };');
    expect(await host('other').load('@moepress/plugin-a')).toEqual({
      version: '2.0.0',
      plugin: { name: 'a of the project' },
    });
  });

  test.each(['moepress-plugin-none', 'broken', '../project', '@moepress/../../project', ''])(
    'has no package "%s"',
    async (name) => expect(await host().load(name)).toBeNull(),
  );

  test('says why a plugin could not be loaded', async () => {
    await expect(host().load('moepress-plugin-bad')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: 'moepress-plugin-bad could not be loaded: no GPU here',
      where: join(root, 'project/node_modules/moepress-plugin-bad'),
    });
  });

  test('serves the registry', async () => {
    const found = await new PluginRegistry(host()).find('a');
    expect(found.origin).toEqual({ package: '@moepress/plugin-a', version: '1.0.0' });
  });
});

test('this installation brings its own methods', async () => {
  const registry = new PluginRegistry(createPackageHost());
  expect(await registry.methods()).toEqual([
    'cd-moe',
    'conmoe',
    'dense-width',
    'expert-fisher',
    'fisher-moe',
    'frequency',
    'moe-to-dense',
    'random',
    'reap',
  ]);
  for (const name of ['cd-moe', 'distil']) {
    expect((await registry.findRefiner(name)).refiner.name).toBe(name);
  }
  for (const method of await registry.methods()) {
    expect((await registry.find(method)).compressor.name).toBe(method);
  }
});
