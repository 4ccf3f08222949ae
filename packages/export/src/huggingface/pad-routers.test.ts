import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, encodeNumbers, type Model, moeBlocks } from '@moepress/core';
import { ModelRunner } from '@moepress/runtime';
import { expect, it } from 'vitest';
import { openFixture, planFor, temporaryFolder } from '../support.test.util.js';
import { checkCounts } from './check-counts.js';
import { huggingFaceSupport } from './engines.js';
import { padRouters } from './pad-routers.js';
import { writeHuggingFace } from './write.js';

async function logitsOf(model: Model): Promise<Float32Array> {
  const runner = await ModelRunner.open(model, { residency: 'streamed', workers: 1, threads: 1 });
  try {
    const [trace] = await runner.trace([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]]);
    return trace!.logits.data as Float32Array;
  } finally {
    await runner.dispose();
  }
}

/** The first layer with experts keeps all of them, the others two of a group less. */
async function unevenView(name: string): Promise<Model> {
  const base = await openFixture(name);
  const [first] = moeBlocks(base);
  return applyPlan(
    base,
    planFor(base, (layer, experts) => {
      const { groups, topK } = first!.ffn.router;
      const size = experts / (groups?.count ?? 1);
      const kept = layer === first!.index ? size : Math.max(size - 2, groups ? 2 : topK);
      return {
        op: 'keep-experts',
        experts: [...Array(experts).keys()].filter((slot) => slot % size < kept),
      };
    }),
  );
}

it.each(['gpt_oss', 'deepseek_v3'])(
  'layers of %s get experts that are never selected, in a checkpoint that any program loads',
  async (name) => {
    const view = await unevenView(name);
    expect(new Set(moeBlocks(view).map(({ ffn }) => ffn.slots.length)).size).toBe(2);
    const out = join(await temporaryFolder(), 'out');
    await writeHuggingFace(view, out, { layout: 'materialised' });
    const opened = await openModel(out);
    expect(new Set(moeBlocks(opened).map(({ ffn }) => ffn.slots.length)).size).toBe(1);
    expect(await logitsOf(opened)).toEqual(await logitsOf(view));
    expect(huggingFaceSupport(view, 'materialised')[0]).toMatchObject({ loads: 'padded' });
  },
);

it('leaves layers of one number alone, and routers without a bias that could tell', async () => {
  const [biased, plain] = await Promise.all([openFixture('gpt_oss'), unevenView('olmoe')]);
  expect(padRouters(biased)).toBe(biased);
  expect(padRouters(plain)).toBe(plain);
});

it('is told before anything is measured what a layout cannot hold', async () => {
  const base = await openFixture('olmoe');
  const views = [
    planFor(base, (layer) => ({ op: 'set-top-k', topK: layer + 1 })),
    planFor(base, () => ({ op: 'drop-ffn' })),
    planFor(base, () => ({
      op: 'replace-by-constant',
      experts: [{ expert: 0, values: encodeNumbers(new Array(64).fill(1)) }],
    })),
  ].map((plan) => applyPlan(base, plan));
  for (const view of views) {
    expect(() => checkCounts(view, 'materialised')).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNSUPPORTED', hint: expect.stringContaining('compact') }),
    );
    checkCounts(view, 'compact');
  }
  checkCounts(await unevenView('gpt_oss'), 'materialised');
});
