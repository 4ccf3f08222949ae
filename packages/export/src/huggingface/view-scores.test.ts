import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, type Model } from '@moepress/core';
import { ModelRunner } from '@moepress/runtime';
import { expect, it } from 'vitest';
import { families, openFixture, planFor, temporaryFolder } from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

async function logitsOf(model: Model): Promise<Float32Array> {
  const runner = await ModelRunner.open(model, { residency: 'streamed', workers: 1, threads: 1 });
  try {
    const [trace] = await runner.trace([[3, 1, 4, 1, 5, 9, 2, 6]]);
    return trace!.logits.data as Float32Array;
  } finally {
    await runner.dispose();
  }
}

/** Weights that are averaged and scaled are rounded when they are written, so a view has to round them, too. */
it.each(families)(
  'a view of %s with scaled weights computes what its checkpoint does, bit for bit',
  async (name) => {
    const base = await openFixture(name);
    const plan = planFor(base, (_, experts) => ({
      op: 'condense',
      parts: [
        { experts: [0], shares: [1], scale: 0.3 },
        { experts: [1, experts - 1], shares: [0.7, 0.3], scale: 0.9 },
      ],
      shared: null,
      align: 1,
    }));
    const view = applyPlan(base, plan);
    const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), {
      layout: 'compact',
      plan,
      base,
    });
    expect(await logitsOf(await openModel(directory))).toEqual(await logitsOf(view));
  },
);
