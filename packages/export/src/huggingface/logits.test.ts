import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, type Model } from '@moepress/core';
import { ModelRunner } from '@moepress/runtime';
import { describe, expect, it } from 'vitest';
import {
  dropPlan,
  families,
  openFixture,
  quantised,
  remapPlan,
  temporaryFolder,
} from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

const sequences = [Array.from({ length: 24 }, (_, i) => (i * 37 + 5) % 512)];

async function logitsOf(model: Model): Promise<Float32Array> {
  const runner = await ModelRunner.open(model);
  try {
    const [trace] = await runner.trace(sequences);
    return trace!.logits.data as Float32Array;
  } finally {
    await runner.dispose();
  }
}

const difference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describe.each([...families, ...quantised])('%s', (name) => {
  it.each([
    ['shared', remapPlan],
    ['dropped', dropPlan],
  ])('computes what its view computed, from either layout, where experts are %s', async (_, planOf) => {
    const base = await openFixture(name);
    const view = applyPlan(base, planOf(base));
    const expected = await logitsOf(view);
    expect(difference(expected, await logitsOf(base))).toBeGreaterThan(0.01);
    const folder = await temporaryFolder();
    for (const layout of ['compact', 'materialised'] as const) {
      await writeHuggingFace(view, join(folder, layout), { layout });
      const logits = await logitsOf(await openModel(join(folder, layout)));
      expect(difference(logits, expected)).toBeLessThan(2e-5);
    }
  });
});
