import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, distinctExperts, type Model, moeBlocks, PluginRegistry } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { calibrate, Engine, planCompression, traceModel } from '@moepress/runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { findPlugins } from '../../src/methods/plugin-host.js';
import { inTemporaryFolder } from './command.js';
import { checkpoint, families, roundingOf } from './family-checkpoints.js';

/**
 * The methods whose plans layouts store differently, in every layout that can; what else holds for methods is tested by
 * @moepress/testkit. Copies of an expert for several slots add up in another order than the expert taken once; nothing else may
 * change a logit.
 */
const methods = [
  {
    method: 'conmoe',
    options: { ratio: 0.5, scope: 2 },
    layouts: ['compact', 'materialised'],
    within: 2e-5,
  },
  {
    method: 'fisher-moe',
    options: { ratio: 0.5, budget: 'model' },
    layouts: ['compact', 'materialised', 'masked'],
    within: 1e-6,
  },
] as const;

const sequences = [48, 29, 17].map((length, seed) =>
  Array.from({ length }, (_, i) => (i * 37 + seed * 91 + 5) % 512),
);
const engine = new Engine({ workers: 1, threads: 1 });
const registry = new PluginRegistry(findPlugins().installed);
afterAll(() => engine.dispose());

async function planned(model: Model, method: string, options: object) {
  const set = { source: 'made up', seed: 0, sequences };
  return planCompression(engine, {
    model,
    method: await registry.find(method),
    options,
    measure: (statistics) => calibrate(engine, { model, set, statistics }),
  });
}

async function logitsOf(model: Model): Promise<Float32Array> {
  const [trace] = await traceModel(engine, model, sequences.slice(0, 1));
  return trace!.logits.data as Float32Array;
}

const channelsOf = (model: Model) => distinctExperts(model).reduce((sum, { width }) => sum + width, 0);
const difference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
const relativeError = (a: Float32Array, b: Float32Array) =>
  Math.hypot(...a.map((x, i) => x - b[i]!)) / Math.hypot(...b);

describe.each(families)('%s', (family) => {
  it.each(methods)('is compressed by $method $options into a checkpoint of equal logits', (run) =>
    inTemporaryFolder(async (folder) => {
      const base = await openModel(checkpoint(family));
      const view = applyPlan(base, await planned(base, run.method, run.options));
      expect(channelsOf(view) / channelsOf(base)).toBeCloseTo(0.5, 6);
      const expected = await logitsOf(view);
      for (const layout of run.layouts) {
        const { directory } = await writeHuggingFace(view, join(folder, layout), { layout });
        const logits = await logitsOf(await openModel(directory));
        // Columns that lose neighbours of their scale are quantised anew.
        const rounding = run.method === 'fisher-moe' ? roundingOf(family) : null;
        if (rounding === null) expect(difference(logits, expected)).toBeLessThan(run.within);
        else expect(relativeError(logits, expected)).toBeLessThan(rounding);
      }
    }),
  );
});

it('leaves the groups of a grouped router equally large, and cuts its selection bias with it', async () => {
  const base = await openModel(checkpoint('deepseek_v3'));
  for (const method of ['random', 'frequency', 'reap']) {
    const plan = await planned(base, method, { ratio: 0.5 });
    for (const { ops } of plan.layers) {
      const kept = ops.flatMap((op) => (op.op === 'keep-experts' ? op.experts : []));
      expect([0, 1, 2, 3].map((group) => kept.filter((e) => Math.floor(e / 4) === group).length)).toEqual([
        2, 2, 2, 2,
      ]);
    }
    for (const { ffn } of moeBlocks(applyPlan(base, plan))) {
      expect(ffn.router).toMatchObject({ groups: { count: 4 }, selectionBias: { kind: 'rows', shape: [8] } });
    }
  }
});
