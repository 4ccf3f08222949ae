import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { scaffolds } from './scaffolds.mjs';

/** What users do, by names that are arguments of `scripts/try-install.mjs`. */
export const scenarios = {
  /** The command, with what comes with it, installed by the plainest line there is. */
  async command(project, { demo }) {
    await project.npm('install', 'moepress');
    // Its install script downloads.
    assert.equal(existsSync(join(project.folder, 'node_modules/onnxruntime-node')), false);
    checkSourceMaps(join(project.folder, 'node_modules'));
    assert.match(await project.moepress('--version'), /^\d+\.\d+\.\d+/);
    assert.match(await project.moepress('methods'), /reap[\s\S]*conmoe/);
    await useMethod(project, 'conmoe');
    if (demo) assert.match(await project.moepress('demo'), /original[\s\S]*conmoe[\s\S]*random/);
  },

  /** What compilers make of the types of each package (arethetypeswrong; the packages are for `import` alone). */
  async types(project, { packed }) {
    await project.npm('install', '@arethetypeswrong/cli');
    // The generator is a command alone, and binaries have no types.
    const own = readdirSync(packed).filter(
      (name) => /\.tgz$/.test(name) && !/onnxruntime|^create-/.test(name),
    );
    assert.ok(own.length > 10);
    for (const name of own) {
      const profile = ['--profile', 'esm-only', '--no-emoji', '--format', 'ascii'];
      await project.run('npx', ['--no-install', 'attw', join(packed, name), ...profile]);
    }
  },

  /** The core and one plugin, in the program of the plugin's own page. */
  async program(project) {
    await project.npm('install', '@moepress/core', '@moepress/plugin-conmoe');
    const page = readFileSync(join(project.folder, 'node_modules/@moepress/plugin-conmoe/README.md'), 'utf8');
    const [, program] = /```js\n([\s\S]*?)```/.exec(page);
    project.write({ 'program.mjs': program });
    assert.match(await project.run('node', ['program.mjs']), /op: 'remap-slots'/);
    const packages = readdirSync(join(project.folder, 'node_modules/@moepress'));
    assert.deepEqual(packages.sort(), ['core', 'graph', 'plugin-conmoe']);
  },

  /** The command without the plugins that come with it: what is missing is told with the line that installs it. */
  async missing(project) {
    await project.npm('install', 'moepress', '--omit=optional');
    const said = await project.failing('npx', [
      'moepress',
      'compress',
      'tiny',
      '--method',
      'reap',
      '--ratio',
      '0.5',
      '--out',
      'x',
    ]);
    assert.match(said, /npm install @moepress\//);
  },

  /** A plugin of one ranking, packed as its author publishes it. */
  async scorer(project) {
    const tarball = await packed(project.at('plugin').write(scorerPlugin));
    const user = project.at('user');
    await user.npm('install', 'moepress', tarball);
    await useMethod(user, 'nearest');
  },

  /** One package that adds a method, a budget for every ranking, and a task; nothing of moepress knows of it. */
  async extension(project) {
    const tarball = await packed(project.at('plugin').write(extensionPlugin));
    const user = project.at('user');
    await user.npm('install', 'moepress', '@moepress/harness', tarball);
    const plan = ['compress', 'tiny', '--ratio', '0.25', '--calibration', 'tiny:4x64', '--plan-only'];
    const keptBy = async (...choice) => {
      const { layers } = JSON.parse(await user.moepress(...plan, ...choice));
      return layers.map(({ layer, ops: [{ experts }] }) => [layer, experts.length]);
    };
    assert.deepEqual(
      await keptBy('--method', 'every-fourth'),
      [0, 1, 2, 3].map((layer) => [layer, 12]),
    );
    const fromTheTop = [
      [2, 12],
      [3, 4],
    ];
    for (const method of ['every-fourth', 'reap']) {
      assert.deepEqual(await keptBy('--method', method, '--budget', 'from-the-top'), fromTheTop);
    }
    const scored = await user.moepress('eval', 'tiny', '--tasks', 'facts_again', '--limit', '4');
    assert.match(scored, /facts_again/);
  },

  /** The same, in a workspace with the project that uses it. */
  async workspace(project) {
    project.write({ 'package.json': { private: true, workspaces: ['plugin', 'app'] } });
    project.at('plugin').write(scorerPlugin);
    const app = project.at('app').write({
      'package.json': { name: 'app', dependencies: { moepress: '*', 'moepress-plugin-nearest': '*' } },
    });
    await project.npm('install');
    await useMethod(app, 'nearest');
  },

  /** The same, linked to the folder where it is written, before and after its dependencies are installed there. */
  async link(project) {
    const plugin = project.at('plugin').write(scorerPlugin);
    const user = project.at('user');
    await user.npm('install', 'moepress', '../plugin');
    const linked = join(user.folder, 'node_modules/moepress-plugin-nearest');
    assert.equal(realpathSync(linked), plugin.folder);
    const plan = [
      'compress',
      'tiny',
      '--method',
      'nearest',
      '--ratio',
      '0.25',
      '--plan-only',
      '--out',
      'x.json',
    ];
    const said = await user.failing('npx', ['--no-install', 'moepress', ...plan]);
    assert.match(said, /it needs @moepress\/core[\s\S]*npm install --install-links/);
    await plugin.npm('install');
    await useMethod(user, 'nearest');
  },

  /** Both for all projects of the user. */
  async global(project) {
    const tarball = await packed(project.at('plugin').write(scorerPlugin));
    await project.npm('install', '--global', '--prefix', join(project.folder, 'prefix'), 'moepress', tarball);
    const bin = join(project.folder, 'prefix', process.platform === 'win32' ? '' : 'bin');
    const user = project.at('empty');
    user.environment = { ...user.environment, PATH: [bin, user.environment.PATH].join(pathDelimiter) };
    user.moepress = (...args) => user.run('moepress', args);
    assert.match(await user.moepress('methods'), /nearest/);
    await useMethod(user, 'nearest');
  },

  ...scaffolds,
};

const pathDelimiter = process.platform === 'win32' ? ';' : ':';

/** A ranking of experts, which is a method as it stands. */
const scorerPlugin = {
  'package.json': {
    name: 'moepress-plugin-nearest',
    version: '0.1.0',
    type: 'module',
    exports: './index.js',
    keywords: ['moepress-plugin'],
    moepress: { methods: ['nearest'] },
    peerDependencies: { '@moepress/core': '>=0.0.0 <1.0.0' },
  },
  'index.js': `import { definePlugin } from '@moepress/core';

const nearest = {
  name: 'nearest',
  title: 'Keep the first experts',
  reference: 'none: an example',
  needs: [],
  score: (_, { ffn }) => Float64Array.from(ffn.pool.keys(), (expert) => -expert),
};

export default definePlugin({ name: 'nearest', scorers: [nearest] });
`,
};

/** A ranking, a budget and a task in one package. */
const extensionPlugin = {
  'package.json': {
    name: 'moepress-plugin-extension',
    version: '0.1.0',
    type: 'module',
    exports: './index.js',
    keywords: ['moepress-plugin'],
    moepress: { methods: ['every-fourth'], budgets: ['from-the-top'], tasks: ['facts_again'] },
    peerDependencies: { '@moepress/core': '>=0.0.0 <1.0.0', '@moepress/harness': '>=0.0.0 <1.0.0' },
    dependencies: { zod: '^4.0.0' },
  },
  'index.js': `import { definePlugin, totalSteps } from '@moepress/core';
import { findTaskOrGroup } from '@moepress/harness';
import { z } from 'zod';

const everyFourth = {
  name: 'every-fourth',
  title: 'Drop every fourth expert first',
  reference: 'none: an example',
  needs: [],
  score: (_, { ffn }) => Float64Array.from(ffn.pool.keys(), (expert) => (expert + 1) % 4),
};

const fromTheTop = {
  specVersion: 1,
  name: 'from-the-top',
  title: 'Experts leave the last layers first',
  reference: 'none: an example',
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

const factsAgain = { ...findTaskOrGroup('tiny_facts'), task: 'facts_again' };

export default definePlugin({
  name: 'extension',
  scorers: [everyFourth],
  budgets: [fromTheTop],
  tasks: [factsAgain],
});
`,
};

/** Path of the tarball of a package that is published from a folder. */
async function packed(project) {
  const told = JSON.parse(await project.npm('pack', '--json'));
  return join(project.folder, Object.values(told)[0].filename);
}

/** Every source that a map names is in the package, and so is none built of a source that is gone. */
function checkSourceMaps(modules) {
  const packages = [
    'moepress',
    ...readdirSync(join(modules, '@moepress')).map((name) => `@moepress/${name}`),
  ];
  for (const name of packages) {
    const files = readdirSync(join(modules, name), { recursive: true });
    assert.deepEqual(
      files.filter((file) => /\.test\.(util\.)?(ts|js)$|tsbuildinfo$/.test(file)),
      [],
    );
    const maps = files.filter((file) => file.endsWith('.js.map'));
    for (const map of maps) {
      const file = join(modules, name, map);
      const { sources } = JSON.parse(readFileSync(file, 'utf8'));
      for (const source of sources)
        assert.ok(existsSync(join(dirname(file), source)), `${name}: ${source} of ${map}`);
    }
  }
}

/** Measures, writes and scores with a method. */
async function useMethod(project, method) {
  const measure = ['--ratio', '0.25', '--calibration', 'tiny:4x64'];
  await project.moepress('compress', 'tiny', '--method', method, ...measure, '--out', 'small');
  assert.ok(existsSync(join(project.folder, 'small/config.json')));
  assert.match(
    await project.moepress('eval', 'small', '--tasks', 'tiny_facts', '--limit', '4'),
    /tiny_facts/,
  );
}
