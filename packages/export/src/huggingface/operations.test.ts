import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openModel, readSafetensors } from '@moepress/checkpoint';
import {
  applyLayers,
  elementCount,
  type LayerPlan,
  type Model,
  MoepressError,
  measure,
} from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationNames, randomLayers, structureOf } from '../random-plans.test.util.js';
import { fingerprint, openFixture, temporaryFolder } from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

/** Families that differ in groups, biases, shared experts and how experts are stored, small. */
const families = ['dots1', 'solar_open', 'gpt_oss', 'qwen3_next', 'lfm2_moe'] as const;

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

describe.each(families)('every plan for %s', (name) => {
  it('gives the same applied in parts as applied whole', async () => {
    const base = await openFixture(name);
    fc.assert(
      fc.property(seeds, fc.nat(2), (seed, cut) => {
        const layers = randomLayers(base, seed);
        const whole = applyLayers(base, layers);
        const ofLayers = [layers.slice(0, cut), layers.slice(cut)];
        expect(applyAll(base, ofLayers)).toEqual(whole);
        expect(applyAll(base, [...ofLayers].reverse())).toEqual(whole);
        // Slots name experts of the base, so that a remap is the first where it stands apart.
        const split = layers.filter(({ ops }) => ops.slice(1).every(({ op }) => op !== 'remap-slots'));
        const first = split.map(({ layer, ops }) => ({ layer, ops: ops.slice(0, 1) }));
        const rest = split.flatMap(({ layer, ops }) =>
          ops.length > 1 ? [{ layer, ops: ops.slice(1) }] : [],
        );
        expect(applyAll(base, [first, rest])).toEqual(applyLayers(base, split));
      }),
      { numRuns: 10 },
    );
  });

  it('is written as it was counted, and opened as it was', async () => {
    const base = await openFixture(name);
    const folder = await temporaryFolder();
    const used = new Set<string>();
    let written = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const view = applyLayers(base, randomLayers(base, seed, used));
        const out = join(folder, String(written++));
        if (!(await isWritten(view, out))) return;
        expect(await numbersIn(out)).toBe(measure(view).total.parameters);
        const again = await openModel(out);
        expect(measure(again).total.parameters).toBe(measure(view).total.parameters);
        expect(structureOf(again)).toEqual(structureOf(view));
        expect(await fingerprint(again)).toBe(await fingerprint(view));
      }),
      { numRuns: 3 },
    );
    expect(written).toBeGreaterThan(0);
  });
});

it('tries all operations', async () => {
  const base = await openFixture('solar_open');
  const used = new Set<string>();
  for (let seed = 0; seed < 60; seed++) randomLayers(base, seed, used);
  expect([...used].sort()).toEqual([...operationNames].sort());
});

const applyAll = (base: Model, parts: readonly (readonly LayerPlan[])[]): Model =>
  parts.reduce<Model>((view, layers) => applyLayers(view, layers), base);

/** Whether the compact layout holds the view; if not it is refused before anything is written. */
async function isWritten(view: Model, out: string): Promise<boolean> {
  try {
    await writeHuggingFace(view, out, { layout: 'compact' });
    return true;
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'CONFIG_UNSUPPORTED') throw error;
    await expect(readdir(out)).rejects.toThrow('ENOENT');
    return false;
  }
}

/** Numbers in all safetensors files of a folder, by their headers. */
async function numbersIn(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.safetensors'));
  const files = await Promise.all(names.map((name) => readSafetensors(join(directory, name))));
  return files
    .flatMap(({ tensors }) => [...tensors.values()])
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
