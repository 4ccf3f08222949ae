import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blocksOf } from './command-lines.mjs';

/** What a page shows beside commands: [what it is, how to try it]. */
export function tryCode(root, page, places, { python }) {
  if (page === 'docs/plugins.md') return [['the plugins that it shows', () => tryPlugins(root, places)]];
  if (page !== 'docs/architectures.md') return [];
  if (python === undefined) {
    console.log('       without --python its Python and what needs that are passed over');
    return [];
  }
  return [['its fixture, and the test that compares it', () => tryFixture(root, places, python)]];
}

/** All plugins of the page in one package, type-checked, and tested by what needs neither a dataset of the Hub nor a reference. */
async function tryPlugins(root, places) {
  const outside = await places.outside();
  const project = outside.at('shown');
  const modules = blocksOf(root, 'docs/plugins.md', 'ts').filter((code) => code.includes('definePlugin'));
  assert.ok(modules.length > 5);
  const packages = ['core', 'graph', 'harness', 'checkpoint', 'testkit'].map((name) => `@moepress/${name}`);
  project.write({
    'package.json': { name: 'shown', private: true, type: 'module' },
    'tsconfig.json': readFileSync(
      join(root, 'packages/create-moepress-plugin/templates/common/tsconfig.json'),
      'utf8',
    ),
    ...Object.fromEntries(modules.map((code, i) => [`src/plugin-${i}.ts`, code])),
    'src/shown.test.ts': testOf(modules.length),
  });
  await project.npm('install', ...packages, 'zod@4', 'typescript@6', 'vitest@4', '@types/node@20');
  await project.run('npx', ['tsc']);
  assert.match(await project.run('npx', ['vitest', 'run', 'src']), /Tests {2}\d+ passed/);
}

const testOf = (count) => `import { checksOf, closeEngines } from '@moepress/testkit';
import { afterAll, test } from 'vitest';
${Array.from({ length: count }, (_, i) => `import plugin${i} from './plugin-${i}.js';`).join('\n')}

afterAll(closeEngines);
for (const plugin of [${Array.from({ length: count }, (_, i) => `plugin${i}`).join(', ')}]) {
  for (const { name, run } of checksOf(plugin, { options: { 'refiner routers': { steps: 1 } } })) {
    if (!/^(sentiment: (asks|gives)|reviews|harbour_moe)/.test(name)) test(name, run, 120_000);
  }
}
`;

/** The checkpoint that the page's Python writes, where the page says that tests find it. */
async function tryFixture(root, places, python) {
  const { clone } = places;
  const outside = await places.outside();
  const project = outside
    .at('fixture')
    .write({ 'make.py': blocksOf(root, 'docs/architectures.md', 'python')[0] });
  await project.run(python, ['make.py']);
  if (!existsSync(join(clone.folder, 'node_modules'))) await clone.npm('ci');
  const target = join(clone.folder, 'packages/checkpoint/fixtures/mixtral');
  cpSync(join(project.folder, 'mixtral'), target, { recursive: true });
  const tests = ['packages/runtime/src/variants.test.ts', 'packages/checkpoint/src/model/families.test.ts'];
  assert.match(await clone.run('npx', ['vitest', 'run', ...tests, '-t', 'mixtral']), /Tests {2}\d+ passed/);
}
