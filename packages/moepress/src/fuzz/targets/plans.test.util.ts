import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exprEntry, openModel, writeSafetensors } from '@moepress/checkpoint';
import { type CompressionPlan, encodeChannels, type Model, measure, moeBlocks } from '@moepress/core';
import { toyPlan } from '@moepress/core/testing';
import { tinyModel } from '@moepress/tiny';
import { applyPlanFile, readPlan } from '../../plans/plan-file.js';
import { mutateBytes } from '../bytes.test.util.js';
import { mutateJson, render } from '../json.test.util.js';
import type { Target } from '../target.test.util.js';

/** Plans with every operation. */
function plansFor(model: Model): CompressionPlan[] {
  const [first, second] = moeBlocks(model) as [
    ReturnType<typeof moeBlocks>[0],
    ReturnType<typeof moeBlocks>[0],
  ];
  const slots = first.ffn.slots.map((_, slot) => slot);
  const width = first.ffn.pool[0]!.width;
  const mask = encodeChannels([...Array(width / 2).keys()], width);
  return [
    toyPlan(model, [
      { layer: first.index, ops: [{ op: 'keep-experts', experts: slots.slice(0, slots.length / 2) }] },
      {
        layer: second.index,
        ops: [{ op: 'remap-slots', slots: slots.map((slot) => [second.index, slot >> 1]) }],
      },
    ]),
    toyPlan(model, [{ layer: first.index, ops: [{ op: 'keep-channels', channels: slots.map(() => mask) }] }]),
    toyPlan(model, [
      {
        layer: first.index,
        ops: [
          {
            op: 'condense',
            parts: slots
              .slice(0, 4)
              .map((slot) => ({ experts: [slot, slot + 4], shares: [0.5, 0.5], scale: 1 })),
            shared: null,
            align: 8,
          },
        ],
      },
    ]),
  ];
}

export const plan: Target = {
  name: 'plan',
  async prepare(folder) {
    const model = await openModel(tinyModel.directory);
    const plans = plansFor(model);
    const file = join(folder, 'plan.json');
    return async (random) => {
      const text = render(mutateJson(random.pick(plans), random), random);
      writeFileSync(file, random.chance(0.1) ? mutateBytes(Buffer.from(text), random) : text);
      return measure(applyPlanFile(model, await readPlan(file)));
    };
  },
};

export const learned: Target = {
  name: 'learned',
  async prepare(folder) {
    const model = await openModel(tinyModel.directory);
    const weights = join(folder, 'learned.safetensors');
    const stored = model.finalNorm as Parameters<typeof exprEntry>[1];
    await writeSafetensors(weights, [exprEntry('finalNorm', stored)], {});
    const sound = readFileSync(weights);
    const record = {
      file: 'learned.safetensors',
      sha256: '',
      tensors: 1,
      refiner: { name: 'toy', package: 'toy', version: '1.0.0' },
      options: {},
      data: { source: 'tiny', sequences: 1, tokens: 1, hash: '0'.repeat(64), seed: 0 },
    };
    const file = join(folder, 'plan.json');
    return async (random) => {
      const bytes = random.chance(0.7) ? mutateBytes(sound, random) : sound;
      writeFileSync(weights, bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const whole = { ...toyPlan(model, []), learned: { ...record, sha256 } };
      writeFileSync(file, render(random.chance(0.5) ? mutateJson(whole, random) : whole, random));
      return measure(applyPlanFile(model, await readPlan(file)));
    };
  },
};
