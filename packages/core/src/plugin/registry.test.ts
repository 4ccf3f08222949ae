import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Compressor } from '../method/compressor.js';
import { createRng } from '../method/rng.js';
import { toyModel } from '../testing/toy-model.js';
import { noTools } from '../testing/toy-tools.js';
import { definePlugin } from './plugin.js';
import { type PackageHost, PluginRegistry, packageCandidates } from './registry.js';

const method = (name: string): Compressor => ({
  specVersion: 1,
  name,
  title: name,
  reference: 'none',
  options: z.object({ ratio: z.number(), seed: z.number() }),
  needs: () => [],
  plan: async () => ({ layers: [] }),
});

const conmoe = definePlugin({ name: 'conmoe', compressors: [method('conmoe')] });
const baselines = definePlugin({ name: 'baselines', compressors: [method('reap'), method('random')] });

/** Packages by name; remembers which were loaded. */
function fakeHost(packages: Record<string, unknown>, declared: Record<string, readonly string[]>) {
  const loaded: string[] = [];
  const host: PackageHost = {
    installed: async () =>
      Object.entries(declared).map(([name, methods]) => ({ package: name, methods, refiners: methods })),
    load: async (name) => {
      loaded.push(name);
      return name in packages ? { version: '1.2.3', plugin: packages[name] } : null;
    },
  };
  return { registry: new PluginRegistry(host), loaded };
}

const usual = () =>
  fakeHost(
    { '@moepress/plugin-conmoe': conmoe, '@moepress/plugin-baselines': baselines, '@lab/prune': conmoe },
    { '@moepress/plugin-conmoe': ['conmoe'], '@moepress/plugin-baselines': ['reap', 'random'] },
  );

describe('packageCandidates', () => {
  test('a short name is looked for in our scope, then by prefix', () => {
    expect(packageCandidates('conmoe')).toEqual(['@moepress/plugin-conmoe', 'moepress-plugin-conmoe']);
  });

  test.each(['@lab/prune', 'moepress-plugin-x', '@moepress/plugin-x'])('%s stands for itself', (name) => {
    expect(packageCandidates(name)).toEqual([name]);
  });
});

describe('PluginRegistry', () => {
  test('lists declared methods without loading a package', async () => {
    const { registry, loaded } = usual();
    expect(await registry.methods()).toEqual(['conmoe', 'random', 'reap']);
    expect(loaded).toEqual([]);
  });

  test('lists a method that two packages declare once', async () => {
    const { registry } = fakeHost({}, { a: ['reap'], b: ['reap'] });
    expect(await registry.methods()).toEqual(['reap']);
  });

  test('loads only the package that declares the method', async () => {
    const { registry, loaded } = usual();
    const found = await registry.find('reap');
    expect(found.compressor.options).toBe(baselines.compressors[0]!.options);
    expect(found.origin).toEqual({ package: '@moepress/plugin-baselines', version: '1.2.3' });
    expect(loaded).toEqual(['@moepress/plugin-baselines']);
  });

  test('finds by name what nobody declares, our scope first', async () => {
    const { registry, loaded } = fakeHost({ 'moepress-plugin-conmoe': conmoe }, {});
    expect((await registry.find('conmoe')).origin.package).toBe('moepress-plugin-conmoe');
    expect(loaded).toEqual(['@moepress/plugin-conmoe', 'moepress-plugin-conmoe']);
  });

  test.each([
    ['baselines:random', 'random', '@moepress/plugin-baselines'],
    ['@lab/prune:conmoe', 'conmoe', '@lab/prune'],
    ['@lab/prune', 'conmoe', '@lab/prune'],
  ])('%s names package and method', async (name, expected, origin) => {
    const found = await usual().registry.find(name);
    expect(found.compressor.name).toBe(expected);
    expect(found.origin.package).toBe(origin);
  });

  test('makes a method of each scorer', async () => {
    const scorer = {
      name: 'loud',
      title: 'Loud',
      reference: 'none',
      needs: [],
      score: () => Float64Array.of(2, 1),
    };
    const { registry } = fakeHost({ 'moepress-plugin-x': { name: 'x', scorers: [scorer] } }, {});
    const { compressor } = await registry.find('moepress-plugin-x:loud');
    const { layers } = await compressor.plan({
      model: toyModel({ layers: 1, experts: 2, topK: 1 }),
      evidence: null,
      options: { ratio: 0.5, seed: 0 },
      rng: createRng(0),
      tools: noTools,
    });
    expect(layers).toEqual([{ layer: 0, ops: [{ op: 'keep-experts', experts: [0] }] }]);
  });

  test('asks whose is meant where two packages declare a name', async () => {
    const { registry, loaded } = fakeHost(
      { a: baselines, b: baselines },
      { a: ['reap'], b: ['reap', 'random'] },
    );
    await expect(registry.find('reap')).rejects.toMatchObject({
      code: 'METHOD_UNKNOWN',
      message: 'Several plugins have a method "reap": a, b.',
      hint: 'Say whose is meant: a:reap or b:reap.',
    });
    expect(loaded).toEqual([]);
    expect((await registry.find('random')).origin.package).toBe('b');
  });

  test('blames a package that does not have what it declares', async () => {
    const { registry } = fakeHost({ a: baselines }, { a: ['reap', 'gone'] });
    await expect(registry.find('gone')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      where: 'a',
      message: expect.stringContaining('declares the method "gone" under methods'),
    });
  });

  test('suggests what was meant and lists what there is', async () => {
    await expect(usual().registry.find('conmo')).rejects.toMatchObject({
      code: 'METHOD_UNKNOWN',
      message: 'There is no method "conmo". Did you mean "conmoe"?',
      hint: 'Pick one of conmoe, random, reap, or install a plugin that has it.',
    });
  });

  test('does not suggest at random', async () => {
    await expect(usual().registry.find('wanda')).rejects.toMatchObject({
      message: 'There is no method "wanda".',
    });
  });

  test('finds what is declared by name and kind, and loads nothing else', async () => {
    const tasks = [{ task: 'quiz' }, { group: 'quizzes' }];
    const host: PackageHost = {
      installed: async () => [
        { package: 'quiz', methods: [], refiners: [], tasks: ['quiz', 'quizzes', 'gone'] },
        { package: 'other', methods: ['quiz'], refiners: [] },
      ],
      load: async (name) => (name === 'quiz' ? { version: '1.0.0', plugin: { name, tasks } } : null),
    };
    const registry = new PluginRegistry(host);
    expect(await registry.names('tasks')).toEqual(['gone', 'quiz', 'quizzes']);
    expect(await registry.declared('tasks', 'quizzes')).toEqual({
      found: tasks[1],
      origin: { package: 'quiz', version: '1.0.0' },
    });
    expect(await registry.declared('tasks', 'none')).toBeNull();
    expect(await registry.declared('architectures', 'quiz')).toBeNull();
    await expect(registry.declared('tasks', 'gone')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringContaining('declares the task "gone" under tasks'),
    });
  });

  test('refuses a package that is no plugin', async () => {
    const { registry } = fakeHost({ 'moepress-plugin-x': { name: 'x', scorers: [null] } }, {});
    await expect(registry.find('x')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      where: 'moepress-plugin-x',
    });
  });
});
