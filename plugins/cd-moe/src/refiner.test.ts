import type { TokenSequence } from '@moepress/core';
import {
  applyPlan,
  type LearnedTensor,
  learned,
  type Model,
  parseOptions,
  type RefineContext,
  type StoredTensor,
  tensorsByPath,
} from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { type CdMoeRefineOptions, cdMoeRefiner } from './refiner.js';

type Request = Parameters<RefineContext<CdMoeRefineOptions>['train']>[0];

/** A dense layer, a layer with experts, and two condensed layers that keep their shared expert. */
const teacher = toyModel({ layers: 4, dense: [0], shared: 3 });
const condensed = [1, 3].map((layer) => ({
  layer,
  ops: [
    { op: 'condense' as const, parts: [{ experts: [2], shares: [1], scale: 0.1 }], shared: null, align: 1 },
  ],
}));
const student = applyPlan(teacher, toyPlan(teacher, condensed));

const text = (length: number): TokenSequence => ({ ids: Array(length).fill(1), from: 1 });
const question = (length: number, from: number): TokenSequence => ({ ids: Array(length).fill(2), from });

/** Training tools that only record the requests. */
async function refine(
  given: object,
  sequences: readonly TokenSequence[],
  options: { validation?: TokenSequence[]; model?: Model } = {},
) {
  const requests: Request[] = [];
  const tensorOf = (path: string, stage: string): LearnedTensor => {
    const { dtype, shape } = tensorsByPath(student).get(path)!;
    const stored: StoredTensor = {
      kind: 'stored',
      name: path,
      file: stage,
      offset: 0,
      length: 0,
      dtype,
      shape,
    };
    return learned(path, stored);
  };
  const result = await cdMoeRefiner.refine({
    student: options.model ?? student,
    teacher,
    options: parseOptions(cdMoeRefiner, given),
    sequences,
    validation: options.validation ?? [],
    async train(request) {
      requests.push(request);
      const tensors = new Map(request.trainable.map((path) => [path, tensorOf(path, request.name)]));
      return { tensors, curve: [{ step: 1, tokens: 1, loss: 1, learningRate: 1, gradientNorm: 1 }], step: 1 };
    },
  });
  return { result, requests };
}

describe('the refiner', () => {
  test('trains the matrices of condensed layers, and nothing else', async () => {
    const { requests } = await refine({}, [text(5)]);
    const matrices = (block: number, part: string) =>
      ['gate', 'up', 'down'].map((matrix) => `blocks.${block}.ffn.${part}.${matrix}`);
    expect(requests[0]!.trainable).toEqual(
      [1, 3].flatMap((b) => [...matrices(b, 'mlp'), ...matrices(b, 'shared.mlp')]),
    );
  });

  test('leaves out a dense FFN without channels', async () => {
    const bare = [{ layer: 1, ops: [{ op: 'condense' as const, parts: [], shared: null, align: 1 }] }];
    const { requests } = await refine({}, [text(5)], { model: applyPlan(teacher, toyPlan(teacher, bare)) });
    expect(requests[0]!.trainable).toEqual(['gate', 'up', 'down'].map((m) => `blocks.1.ffn.shared.mlp.${m}`));
  });

  test('goes from texts to questions, and on from what it learned', async () => {
    const { requests, result } = await refine({}, [question(9, 4), text(5), text(6)]);
    expect(requests.map(({ name, sequences }) => [name, sequences])).toEqual([
      ['language', [text(5), text(6)]],
      ['task', [question(9, 4)]],
    ]);
    const path = 'blocks.3.ffn.mlp.up';
    const fileOf = (model: Model) => (tensorsByPath(model).get(path) as LearnedTensor).stored?.file;
    expect(requests.map(({ model }) => fileOf(model))).toEqual([undefined, 'language']);
    expect(result.tensors.get(path)!.stored.file).toBe('task');
    expect(Object.keys(result.curves)).toEqual(['language', 'task']);
  });

  test('trains as published by default', async () => {
    const { requests } = await refine({}, Array(20).fill(text(5)));
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      loss: { kind: 'cross-entropy' },
      steps: 3,
      sequencesPerStep: 8,
      optimiser: { learningRate: 1e-5, weightDecay: 0 },
      schedule: { kind: 'linear', warmup: 0, final: 0 },
      clip: null,
      evaluateEvery: null,
      seed: 0,
    });
  });

  test('takes other sizes, and skips stages without epochs', async () => {
    const own = {
      languageEpochs: 0,
      taskEpochs: 2,
      sequencesPerStep: 2,
      learningRate: 1e-3,
      clip: 1,
      evaluateEvery: 5,
      seed: 7,
    };
    const given = [text(5), question(9, 4), question(8, 4), question(7, 4)];
    const { requests } = await refine(own, given, { validation: [text(4), question(6, 3)] });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      name: 'task',
      steps: 3,
      clip: 1,
      evaluateEvery: 5,
      seed: 7,
      validation: [question(6, 3)],
    });
  });

  test('cuts sequences, and leaves out those of which nothing would be predicted', async () => {
    const { requests } = await refine({ maxLength: 6 }, [text(9), question(9, 5), question(9, 6)]);
    expect(requests.map(({ sequences }) => sequences)).toEqual([[text(6)], [question(6, 5)]]);
  });

  test('refuses a model that is not condensed, and data that teaches nothing', async () => {
    await expect(refine({}, [text(5)], { model: teacher })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(refine({}, [])).rejects.toMatchObject({ code: 'CALIBRATION_INVALID' });
    await expect(refine({ taskEpochs: 0 }, [question(9, 4)])).rejects.toMatchObject({
      code: 'CALIBRATION_INVALID',
    });
  });
});
