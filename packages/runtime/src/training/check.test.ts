import { openModel } from '@moepress/checkpoint';
import type { Model, TrainRequest } from '@moepress/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixtures } from '../testing/golden.js';
import { requestFor } from '../testing/training.js';
import { checkRequest } from './check.js';

let model: Model;
let other: Model;
beforeAll(async () => {
  model = await openModel((await fixtures[0]!.load()).model);
  other = await openModel((await fixtures[1]!.load()).model);
});

const distillation = {
  kind: 'distillation',
  direction: 'forward',
  temperature: 1,
  hiddenStates: 0,
  topLogits: null,
} as const;

describe('a request to train', () => {
  it('is refused where it cannot be meant', () => {
    const request = requestFor(model, { sequences: [{ ids: [1, 2, 3], from: 1 }] });
    expect(() => checkRequest(request)).not.toThrow();
    const loss = { ...distillation, teacher: model };
    const short = { ...model, blocks: model.blocks.slice(1) };
    const wrong: [string, Partial<TrainRequest>][] = [
      ['trainable', { trainable: [] }],
      ['sequences', { sequences: [] }],
      ['sequences', { sequences: [{ ids: [1, 2], from: 0 }] }],
      ['sequences', { sequences: [{ ids: [1, 2], from: 2 }] }],
      ['sequences', { sequences: [{ ids: [1, 10 ** 6], from: 1 }] }],
      ['validation', { validation: [{ ids: [1, -1], from: 1 }] }],
      ['validation', { evaluateEvery: 2 }],
      ['evaluateEvery', { evaluateEvery: 0, validation: request.sequences }],
      ['steps', { steps: 1.5 }],
      ['sequencesPerStep', { sequencesPerStep: 0 }],
      ['learningRate', { optimiser: { ...request.optimiser, learningRate: Number.NaN } }],
      ['beta2', { optimiser: { ...request.optimiser, beta2: 1 } }],
      ['weightDecay', { optimiser: { ...request.optimiser, weightDecay: -1 } }],
      ['warmup', { schedule: { ...request.schedule, warmup: 2 } }],
      ['clip', { clip: 0 }],
      ['temperature', { loss: { ...loss, temperature: 0 } }],
      ['topLogits', { loss: { ...loss, topLogits: 0 } }],
      ['hiddenStates', { loss: { ...loss, hiddenStates: -1 } }],
      ['hiddenStates', { loss: { ...loss, hiddenStates: 1, topLogits: 4 } }],
      ['hiddenStates', { loss: { ...loss, hiddenStates: 1, teacher: short } }],
      ['teacher', { loss: { ...loss, teacher: { ...other, config: { ...other.config, vocabSize: 7 } } } }],
    ];
    for (const [where, change] of wrong) {
      expect(() => checkRequest({ ...request, ...change }), where).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID', where }),
      );
    }
  });
});
