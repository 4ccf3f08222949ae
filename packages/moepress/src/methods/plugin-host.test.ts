import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PluginRegistry } from '@moepress/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { officialPlugins } from './official-plugins.js';
import { findPlugins, type HostOptions } from './plugin-host.js';

let root: string;
const write = (path: string, content: string | object) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
};
const plugin = (name: string, method: string) => `
  const options = { '~standard': { version: 1, vendor: 'mine', validate: (value) => ({ value }) } };
  const described = { name: '${method}', title: 'A method', reference: 'none' };
  const compressor = { specVersion: 1, ...described, options, needs() {}, plan() {} };
  export default { name: '${name}', compressors: [compressor] };`;
/** A folder with a package.json that names an installed plugin. */
const project = (path: string, method: string) => {
  write(`${path}/package.json`, { dependencies: { [`moepress-plugin-${method}`]: '1' } });
  write(`${path}/node_modules/moepress-plugin-${method}/package.json`, { type: 'module', moepress: {} });
  write(`${path}/node_modules/moepress-plugin-${method}/index.js`, plugin(method, method));
};

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'moepress-host-'));
  // The command as installed, with a plugin of its own, and one beside it.
  write('global/node_modules/moepress/package.json', {
    name: 'moepress',
    dependencies: { '@moepress/plugin-a': '1', zod: '4' },
  });
  write('global/node_modules/zod/package.json', { name: 'zod' });
  write('global/node_modules/@moepress/plugin-a/package.json', {
    version: '1.0.0',
    type: 'module',
    name: '@moepress/plugin-a',
    // Node takes the first of a list that it understands.
    exports: { '.': [{ types: './a.d.ts', node: { import: './a.js' } }, './b.js'] },
    moepress: { methods: ['a', 'a2', 7], refiners: ['a'], tasks: ['quiz'], others: ['x'] },
  });
  write('global/node_modules/@moepress/plugin-a/a.js', plugin('a', 'a'));
  write('global/node_modules/moepress-plugin-beside/package.json', { moepress: { methods: ['beside'] } });
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
  write('project/node_modules/moepress-plugin-unnamed/package.json', { moepress: { methods: ['unnamed'] } });
  write('project/deep/er/file.txt', '');
});
afterAll(() => rmSync(root, { recursive: true }));

const find = (cwd = 'project/deep/er', more: HostOptions = {}) =>
  findPlugins({ cwd: join(root, cwd), own: join(root, 'global/node_modules/moepress'), ...more });
const host = (cwd?: string) => find(cwd).installed;
const ofCommand = [
  { package: '@moepress/plugin-a', methods: ['a', 'a2'], refiners: ['a'], tasks: ['quiz'] },
  { package: 'moepress-plugin-beside', methods: ['beside'], refiners: [] },
];

describe('plugins', () => {
  test('are those of the nearest project, of the command, and beside it', async () => {
    expect(await host().installed()).toEqual([
      { package: 'moepress-plugin-b', methods: ['b'], refiners: [] },
      { package: 'moepress-plugin-bad', methods: ['bad'], refiners: [] },
      ...ofCommand,
    ]);
  });

  test('need no project', async () => {
    expect(await host('global').installed()).toEqual(ofCommand);
  });

  test('load through exports and through main', async () => {
    expect(await host().load('@moepress/plugin-a')).toMatchObject({
      version: '1.0.0',
      plugin: { name: 'a' },
    });
    expect(await host().load('moepress-plugin-b')).toMatchObject({ version: '0.3.0', plugin: { name: 'b' } });
  });

  test("are the project's version of a package, if it depends on it", async () => {
    const path = 'other/node_modules/@moepress/plugin-a';
    write('other/package.json', {});
    write(`${path}/package.json`, { version: '2.0.0', exports: './index.js', moepress: {} });
    write(`${path}/index.js`, 'module.exports = { name: "a of the project" };');
    expect(await host('other').load('@moepress/plugin-a')).toMatchObject({ version: '1.0.0' });
    write('other/package.json', { dependencies: { '@moepress/plugin-a': '2' } });
    expect(await host('other').load('@moepress/plugin-a')).toEqual({
      version: '2.0.0',
      plugin: { name: 'a of the project' },
    });
  });

  test('may be named by moepress.config.json', async () => {
    write('configured/moepress.config.json', { plugins: ['./mine', 'moepress-plugin-c', 7] });
    write('configured/mine/package.json', { name: 'mine', type: 'module', moepress: { methods: ['m'] } });
    write('configured/mine/index.js', plugin('mine', 'm'));
    write('configured/node_modules/moepress-plugin-c/package.json', { moepress: { methods: ['c'] } });
    expect((await host('configured').installed()).map(({ methods }) => methods)).toEqual([
      ['m'],
      ['c'],
      ['a', 'a2'],
      ['beside'],
    ]);
  });

  test.each([
    'moepress-plugin-none',
    'moepress-plugin-unnamed',
    'broken',
    '../project',
    '@moepress/../../project',
    '',
  ])('are not "%s"', async (name) => expect(await host().load(name)).toBeNull());

  test('that could not be loaded say why', async () => {
    await expect(host().load('moepress-plugin-bad')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: 'moepress-plugin-bad could not be loaded: no GPU here',
      where: join(root, 'project/node_modules/moepress-plugin-bad'),
    });
  });

  test('that need what is not there say how to install it', async () => {
    const needy = { type: 'module', exports: './index.js', moepress: { methods: ['needy'] } };
    write('needy/package.json', { name: 'moepress-plugin-needy', ...needy });
    write('needy/index.js', "import 'not-there';");
    write('linking/package.json', { dependencies: { 'moepress-plugin-needy': 'file:../needy' } });
    mkdirSync(join(root, 'linking/node_modules'));
    symlinkSync(join(root, 'needy'), join(root, 'linking/node_modules/moepress-plugin-needy'), 'junction');
    await expect(host('linking').load('moepress-plugin-needy')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: 'moepress-plugin-needy could not be loaded: it needs not-there, which is not installed.',
      hint: expect.stringContaining(`npm install --install-links ${realpathSync(join(root, 'needy'))}`),
    });
  });

  test('beside the command are those that its project asks for, where it has one', async () => {
    write('npx/package.json', { dependencies: { moepress: '1', 'moepress-plugin-wanted': '1' } });
    write('npx/node_modules/moepress/package.json', { name: 'moepress' });
    for (const name of ['wanted', 'of-a-dependency']) {
      const manifest = { moepress: { methods: [name] } };
      write(`npx/node_modules/moepress-plugin-${name}/package.json`, manifest);
    }
    const { installed } = find('project/deep', { own: join(root, 'npx/node_modules/moepress') });
    const names = (await installed.installed()).flatMap(({ methods }) => methods);
    expect(names).toContain('wanted');
    expect(names).not.toContain('of-a-dependency');
  });

  test('serve the registry', async () => {
    const found = await new PluginRegistry(host()).find('a');
    expect(found.origin).toEqual({ package: '@moepress/plugin-a', version: '1.0.0' });
  });
});

describe('a folder from a stranger', () => {
  const told = (cwd: string) => {
    const messages: string[] = [];
    const { installed } = find(cwd, { tell: (message) => messages.push(message) });
    return { names: installed.installed().then((all) => all.map((one) => one.package)), messages };
  };
  const ours = ['@moepress/plugin-a', 'moepress-plugin-beside'];

  test.each<[string, string, string | object]>([
    ['a config of a model', 'config.json', { model_type: 'olmoe' }],
    ['weights', 'model-00001-of-00002.safetensors', ''],
    ['an adapter', 'adapter_config.json', {}],
    ['weights of llama.cpp', 'model.gguf', ''],
  ])('loads nothing beside %s, nor from below it', async (_, file, content) => {
    project(`clone/${file}`, 'evil');
    write(`clone/${file}/${file}`, content);
    write(`clone/${file}/onnx/readme.txt`, '');
    for (const cwd of [`clone/${file}`, `clone/${file}/onnx`]) {
      const { names, messages } = told(cwd);
      expect(await names).toEqual(ours);
      expect(messages).toEqual([
        expect.stringMatching(/not used: .* is within a model's folder\. Give the paths/),
      ]);
    }
  });

  test('hides the project it lies in', async () => {
    project('around', 'mine');
    write('around/models/olmoe/config.json', { model_type: 'olmoe' });
    expect(await told('around/models/olmoe').names).toEqual(ours);
    expect(await told('around/models').names).toEqual(['moepress-plugin-mine', ...ours]);
  });

  test('is not one that everybody may write to, nor one in it', async () => {
    project('public', 'evil');
    write('public/own/file.txt', '');
    chmodSync(join(root, 'public'), 0o1777);
    for (const cwd of ['public', 'public/own']) {
      const { names, messages } = told(cwd);
      expect(await names).toEqual(ours);
      expect(messages).toEqual([expect.stringContaining('everybody may write to')]);
    }
    // A project that lies there is the user's still, but not what is installed around it.
    write('public/own/package.json', { dependencies: { 'moepress-plugin-evil': '1' } });
    expect(await told('public/own').names).toEqual(ours);
  });

  test.runIf(process.getuid?.() === 0)('is not one that belongs to somebody else', async () => {
    project('theirs', 'evil');
    chownSync(join(root, 'theirs'), 12345, 12345);
    const { names, messages } = told('theirs');
    expect(await names).toEqual(ours);
    expect(messages).toEqual([expect.stringContaining("another user's")]);
    project('mixed', 'evil');
    chownSync(join(root, 'mixed/node_modules/moepress-plugin-evil'), 12345, 12345);
    expect(await told('mixed').names).toEqual(ours);
  });

  test('may be asked for', async () => {
    project('asked', 'good');
    write('asked/config.json', { model_type: 'olmoe' });
    write('asked/single.mjs', plugin('single', 'one'));
    write(
      'asked/ranking.mjs',
      "export default { name: 'ranking', scorers: [{ name: 'loud', title: 'Loud', reference: 'none', needs: [], score() {} }] };",
    );
    for (const [path, method] of [
      ['asked/node_modules/moepress-plugin-good', 'good'],
      ['asked/single.mjs', 'one'],
      ['asked/ranking.mjs', 'loud'],
    ]) {
      const { bundled, others } = find('asked', { asked: [join(root, path!)] });
      expect((await new PluginRegistry(bundled).find(method!)).compressor.name).toBe(method);
      expect(others().map((one) => one.package)).toEqual(['moepress-plugin-beside']);
    }
    expect(() => find('asked', { asked: ['nowhere'] })).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', where: 'plugins' }),
    );
  });
});

test('what may be loaded unasked came with the command', async () => {
  const { bundled, others } = find();
  expect((await bundled.installed()).map((one) => one.package)).toEqual(['@moepress/plugin-a']);
  expect(others().map((one) => one.package)).toEqual([
    'moepress-plugin-b',
    'moepress-plugin-bad',
    'moepress-plugin-beside',
  ]);
  const asked = find(undefined, { asked: ['moepress-plugin-b'] });
  expect((await asked.bundled.installed()).map((one) => one.package)).toEqual([
    'moepress-plugin-b',
    '@moepress/plugin-a',
  ]);
});

test('this installation brings its own methods', async () => {
  const registry = new PluginRegistry(findPlugins().bundled);
  expect(await registry.methods()).toEqual(Object.keys(officialPlugins.methods!).sort());
  for (const name of ['cd-moe', 'distil']) {
    expect((await registry.findRefiner(name)).refiner.name).toBe(name);
  }
  for (const method of await registry.methods()) {
    expect((await registry.find(method)).compressor.name).toBe(method);
  }
});
