import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '@moepress/checkpoint';
import { applyPlan, countParameters, elementCount, removedRatios } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import {
  dropPlan,
  families,
  openFixture,
  raggedPlan,
  remapPlan,
  temporaryFolder,
} from '../support.test.util.js';
import { expertLayouts } from './layout.js';
import { writeHuggingFace } from './write.js';

/** Numbers in all safetensors files of a folder, by their headers. */
async function numbersIn(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.safetensors'));
  const files = await Promise.all(names.map((name) => readSafetensors(join(directory, name))));
  return files
    .flatMap(({ tensors }) => [...tensors.values()])
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

const plans = { drop: dropPlan, remap: remapPlan, ragged: raggedPlan };
const cases = families.flatMap((family) =>
  Object.keys(plans).flatMap((plan) => expertLayouts.map((layout) => [family, plan, layout] as const)),
);

describe('what files hold', () => {
  it.each(cases)('is counted for %s, %s, %s', async (family, name, layout) => {
    const base = await openFixture(family);
    const plan = plans[name as keyof typeof plans](base);
    const view = applyPlan(base, plan);
    const out = join(await temporaryFolder(), 'out');
    const written = await writeHuggingFace(view, out, { layout, plan, base }).catch(() => null);
    // Not every family can be written in the layout of a plugin.
    if (written === null) return expect(layout).toBe('less-is-moe');
    const { parameters, directory } = written;
    expect(parameters.whole).toBe(await numbersIn(directory));
    const removed = removedRatios(base, parameters);
    const planned = removedRatios(base, view);
    if (layout === 'compact') expect(parameters).toEqual(countParameters(view));
    if (name === 'remap' && layout === 'materialised') expect(removed).toEqual({ routed: 0, whole: 0 });
    if (name === 'ragged' && layout === 'masked') expect(removed).toEqual({ routed: 0, whole: 0 });
    expect(removed.routed).toBeLessThanOrEqual(planned.routed);
    const card = await readFile(join(directory, 'README.md'), 'utf8');
    expect(card).toContain(`| removed of the routed experts | ${(100 * removed.routed).toFixed(1)} % |`);
    expect(card).toContain(`| removed of the whole model | ${(100 * removed.whole).toFixed(1)} % |`);
  });
});
