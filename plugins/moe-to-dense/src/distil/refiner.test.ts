import type { TokenSequence } from '@moepress/core';
import {
  applyPlan,
  type DistillationLoss,
  type Model,
  parseOptions,
  type TrainRequest,
} from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { condensed } from '../support.test.util.js';
import { distil } from './refiner.js';

const teacher = toyModel({ layers: 2, experts: 4, topK: 2 });
const sequences = Array.from({ length: 20 }, () => ({ ids: [1, 2, 3], from: 1 }));

/** What the refiner asks to be trained. */
async function requested(
  student: Model,
  given: object,
  validation: readonly TokenSequence[] = [],
): Promise<TrainRequest> {
  const requests: TrainRequest[] = [];
  const point = { step: 1, tokens: 2, loss: 0.5, learningRate: 1, gradientNorm: 1 };
  const refinement = await distil.refine({
    student,
    teacher,
    options: parseOptions(distil, given),
    sequences,
    validation,
    train: async (request) => {
      requests.push(request);
      return { tensors: new Map(), curve: [point], step: 1 };
    },
  });
  expect(refinement).toEqual({ tensors: new Map(), curves: { distil: [point] } });
  expect(requests).toHaveLength(1);
  return requests[0]!;
}

const student = async () => applyPlan(teacher, await condensed(teacher, {}));

describe('distil', () => {
  test('trains routers or norms alone, and says what the student does not have', async () => {
    const pruned = applyPlan(
      teacher,
      toyPlan(teacher, [{ layer: 1, ops: [{ op: 'keep-experts', experts: [0, 2, 3] }] }]),
    );
    const routers = await requested(pruned, { only: ['routers'] });
    expect(routers.trainable).toEqual([0, 1].map((layer) => `blocks.${layer}.ffn.router.weight`));
    const norms = (await requested(pruned, { only: ['norms'] })).trainable;
    const ofBlocks = [0, 1].flatMap((layer) =>
      ['attention', 'ffn'].map((part) => `blocks.${layer}.norms.${part}`),
    );
    expect([...norms].sort()).toEqual([...ofBlocks, 'finalNorm'].sort());
    const both = (await requested(pruned, { only: ['norms', 'routers'], freeze: ['attention'] })).trainable;
    expect(both).toContain('blocks.0.ffn.router.weight');
    expect(both).not.toContain('blocks.0.norms.attention');
    await expect(requested(await student(), { only: ['routers'] })).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      where: 'options.only',
    });
  });

  test('trains all of the student by the forward divergence at temperature 1', async () => {
    const own = await student();
    const request = await requested(own, {});
    expect(request).toMatchObject({
      model: own,
      loss: { kind: 'distillation', teacher, direction: 'forward', temperature: 1, hiddenStates: 0 },
      optimiser: { learningRate: 1e-4, beta1: 0.9, beta2: 0.95 },
      schedule: { kind: 'cosine', warmup: 0.02, final: 0.1 },
      // Once through 20 sequences, 8 a step.
      steps: 3,
      sequencesPerStep: 8,
    });
    expect(request.trainable).toContain('embed');
    expect(request.trainable).toContain('head');
    expect(request.trainable).toContain('blocks.1.ffn.mlp.gate');
    expect(request.trainable).toContain('blocks.1.attention.q.weight');
  });

  test('leaves alone what is to stay', async () => {
    const { trainable } = await requested(await student(), { freeze: ['embeddings', 'attention'] });
    const parts = new Set(trainable.map((path) => path.replace(/\d+/, '*')));
    expect(parts).toEqual(
      new Set([
        'blocks.*.ffn.mlp.gate',
        'blocks.*.ffn.mlp.up',
        'blocks.*.ffn.mlp.down',
        'blocks.*.norms.ffn',
        'finalNorm',
      ]),
    );
  });

  test('may hear more of the experts of the teacher', async () => {
    const { loss } = await requested(await student(), { teacherTopK: 3 });
    const { blocks, config } = (loss as DistillationLoss).teacher;
    expect(config.topK).toBe(3);
    for (const { ffn } of blocks) expect(ffn).toMatchObject({ router: { topK: 3, normalise: false } });
    await expect(requested(await student(), { teacherTopK: 5 })).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      where: 'options.teacherTopK',
    });
  });

  test('measures a validation set now and then, where there is one', async () => {
    const own = await student();
    expect((await requested(own, { evaluateEvery: 5 })).evaluateEvery).toBeNull();
    const measured = await requested(own, { evaluateEvery: 5 }, sequences.slice(0, 2));
    expect(measured).toMatchObject({ evaluateEvery: 5, validation: sequences.slice(0, 2) });
  });

  test('takes the variants of the loss', async () => {
    const given = { direction: 'reverse', temperature: 2, hiddenStates: 0.1, topLogits: 64, steps: 7 };
    const request = await requested(await student(), given);
    expect(request).toMatchObject({
      steps: 7,
      loss: { direction: 'reverse', temperature: 2, hiddenStates: 0.1, topLogits: 64 },
    });
  });

  test.each([
    ['temperature', { temperature: 0 }],
    ['freeze.0', { freeze: ['experts'] }],
    ['learningRate', { learningRate: -1 }],
  ])('checks option %s of %o', (option, given) => {
    expect(() => parseOptions(distil, given)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', where: `options.${option}` }),
    );
  });
});
