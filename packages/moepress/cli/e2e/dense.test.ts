import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, type Model, moeBlocks, PluginRegistry } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { calibrate, Engine, planCompression, traceModel } from '@moepress/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { findPlugins } from '../../src/methods/plugin-host.js';
import { inTemporaryFolder } from './command.js';
import { checkpoint, families, roundingOf } from './family-checkpoints.js';

const sequences = [48, 29, 17].map((length, seed) =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 91 + 5) % 512),
);
const set = { source: 'made up', seed: 0, sequences };
const engine = new Engine({ workers: 1, threads: 1 });
const registry = new PluginRegistry(findPlugins().installed);
afterAll(() => engine.dispose());

async function condensed(model: Model, options: object): Promise<Model> {
  const plan = await planCompression(engine, {
    model,
    method: await registry.find('moe-to-dense'),
    options,
    measure: (statistics) => calibrate(engine, { model, set, statistics }),
    calibration: async () => set,
  });
  return applyPlan(model, plan);
}

async function logitsOf(model: Model): Promise<Float32Array> {
  const [trace] = await traceModel(engine, model, sequences.slice(0, 1));
  return trace!.logits.data as Float32Array;
}

describe.each(families)('%s', (family) => {
  // Scales and means are rounded to bf16 when they are written, and quantised anew where weights were quantised.
  it.each([{}, { keep: 6, shared: 'gated' }])(
    'is made dense by moe-to-dense %o, in a checkpoint of nearly equal logits',
    (options) =>
      inTemporaryFolder(async (folder) => {
        const base = await openModel(checkpoint(family));
        const view = await condensed(base, options);
        expect(moeBlocks(view)).toEqual([]);
        const expected = await logitsOf(view);
        const { directory } = await writeHuggingFace(view, join(folder, 'dense'), { layout: 'compact' });
        const logits = await logitsOf(await openModel(directory));
        const spread = Math.hypot(...expected);
        const error = Math.hypot(...logits.map((value, i) => value - expected[i]!));
        expect(error / spread).toBeLessThan(roundingOf(family) ?? 0.005);
      }),
  );
});
