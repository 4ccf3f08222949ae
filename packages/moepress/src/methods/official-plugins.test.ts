import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PluginRegistry } from '@moepress/core';
import { expect, it } from 'vitest';
import { officialPackage, officialPlugins } from './official-plugins.js';

const plugins = fileURLToPath(new URL('../../../../plugins', import.meta.url));

interface Manifest {
  readonly name: string;
  readonly moepress: Readonly<Record<string, readonly string[]>>;
}

it('knows what each package of the repository declares', () => {
  const declared: Record<string, Record<string, string>> = {};
  for (const folder of readdirSync(plugins)) {
    const { name, moepress }: Manifest = JSON.parse(
      readFileSync(`${plugins}/${folder}/package.json`, 'utf8'),
    );
    for (const [kind, names] of Object.entries(moepress)) {
      declared[kind] = { ...declared[kind], ...Object.fromEntries(names.map((one) => [one, name])) };
    }
  }
  expect(officialPlugins).toEqual(declared);
});

it('tells the line that installs what is missing, and makes no name up', async () => {
  const host = { installed: async () => [], load: async () => null, offering: officialPackage };
  const registry = new PluginRegistry(host);
  await expect(registry.find('reap')).rejects.toMatchObject({
    code: 'METHOD_UNKNOWN',
    hint: 'Install the package that has it: npm install @moepress/plugin-baselines',
  });
  await expect(registry.findRefiner('toString')).rejects.toMatchObject({
    hint: 'No plugin is installed: install one that has it.',
  });
});
