import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arrayEntry, readSafetensors, writeSafetensors } from '@moepress/checkpoint';
import { checkPlugin, type Plugin, providedBy } from '@moepress/core';
import { checksOf, closeEngines, conformance } from '@moepress/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import calibrationSet from '../templates/calibration-set/src/index.js';
import compressor from '../templates/compressor/src/index.js';
import exporter from '../templates/exporter/src/index.js';
import refiner from '../templates/refiner/src/index.js';
import scorer from '../templates/scorer/src/index.js';
import task from '../templates/task/src/index.js';

afterAll(closeEngines);

// Each as the package that is made of it is tested, on fewer toys.
conformance(scorer, (name, run) => test(`scorer ${name}`, run), { models: ['plain'] });
conformance(compressor, (name, run) => test(`compressor ${name}`, run), { models: ['plain'] });
conformance(refiner, test, { options: { 'refiner example-name': { steps: 1 } } });
conformance(task, test);
conformance(exporter, test);
conformance(calibrationSet, test);

describe('docs/plugins.md', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const guide = readFileSync(join(root, 'docs/plugins.md'), 'utf8');
  const modules = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, code]) => code!)
    .filter((code) => code.includes('definePlugin'));
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'moepress-guide-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs a module of the guide, which imports the sources of packages. */
  async function load(code: string, index: number): Promise<Plugin> {
    const zod = createRequire(import.meta.url)
      .resolve('zod')
      .replace(/\.cjs$/, '.js');
    const sources = code
      .replace(/'@moepress\/(core|graph)'/g, `'${root}packages/$1/src/index.ts'`)
      .replaceAll(
        "'@moepress/checkpoint/architectures'",
        `'${root}packages/checkpoint/src/architectures/authoring.ts'`,
      )
      .replaceAll("'@moepress/harness'", `'${root}harness/src/index.ts'`)
      .replaceAll("'zod'", `'${zod}'`);
    const file = join(folder, `module-${index}.ts`);
    writeFileSync(file, sources);
    return (await import(file)).default;
  }

  test('has a family that computes what OLMoE does, whose tensors and sizes it has', async () => {
    const plugin = await load(modules.find((code) => code.includes('harbour_moe'))!, modules.length);
    const checks = checksOf(plugin, { goldens: { harbour_moe: await harbour(join(folder, 'harbour')) } });
    expect(checks).toHaveLength(2);
    for (const { run } of checks) await run();
  });

  /** A checkpoint of OLMoE under the guide's name, with the logits that transformers gives. */
  async function harbour(target: string): Promise<string> {
    cpSync(join(root, 'packages/checkpoint/fixtures/olmoe'), target, { recursive: true });
    const config = JSON.parse(readFileSync(join(target, 'config.json'), 'utf8'));
    writeFileSync(join(target, 'config.json'), JSON.stringify({ ...config, model_type: 'harbour_moe' }));
    const { tensors } = await readSafetensors(
      join(root, 'packages/runtime/fixtures/olmoe.golden.safetensors'),
    );
    const entries = ['input_ids', 'logits'].map((name) => {
      const { file, offset, length, dtype, shape } = tensors.get(`s1.${name}`)!;
      const bytes = readFileSync(file).subarray(offset, offset + length);
      return arrayEntry(`s0.${name}`, dtype, shape, bytes);
    });
    await writeSafetensors(join(target, 'golden.safetensors'), entries);
    return target;
  }

  test('has plugins that are as it says', async () => {
    const provided = [];
    for (const [i, code] of modules.entries()) {
      const plugin = checkPlugin(await load(code, i), 'docs/plugins.md');
      const names = Object.entries(providedBy(plugin)).filter(([, list]) => list.length > 0);
      provided.push(Object.fromEntries(names));
      // What needs no dataset of the Hub and no training is tested as any plugin is.
      const checks = checksOf(plugin, { models: ['plain'] }).filter(({ name }) =>
        /budget|valid plan|is a task|bad options/.test(name),
      );
      for (const { run } of checks) await run();
    }
    expect(provided).toEqual([
      { methods: ['adds-most'] },
      { budgets: ['from-the-top'] },
      { methods: ['first-experts'] },
      { refiners: ['routers'] },
      { tasks: ['sentiment'], calibrationSets: ['reviews'] },
      { exporters: ['norms'] },
      { architectures: ['harbour_moe'] },
    ]);
  });
});
