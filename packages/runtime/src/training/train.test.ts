import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeFloat32, openModel } from '@moepress/checkpoint';
import type { TokenSequence } from '@moepress/core';
import {
  type Model,
  type ProgressEvent,
  type TrainRequest,
  type TrainResult,
  tensorsByPath,
  withTensors,
} from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { ModelRunner } from '../runner.js';
import { fixtures, maxDifference } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { requestFor } from '../testing/training.js';
import { type TrainOptions, train } from './train.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden: Record<string, { loss: number[]; gradientNorm: number[] }> = JSON.parse(
  readFileSync(file('../../fixtures/training.json'), 'utf8'),
);
const engine = { threads: 2 };

/** Trains in a temporary folder. */
const run = (request: TrainRequest, options: Partial<TrainOptions> = {}): Promise<TrainResult> =>
  inTemporaryFolder((folder) => train(engine, request, { folder, ...options }));

async function load(family: string): Promise<{ model: Model; sequences: number[][] }> {
  const { model, sequences } = await fixtures.find(({ name }) => name.startsWith(`${family} `))!.load();
  return { model: await openModel(model), sequences: [...sequences] };
}

/** Sequences with 1, 2 and 5 tokens that are not predicted. */
const partly = (sequences: readonly number[][]): TokenSequence[] =>
  sequences.map((ids, i) => ({ ids, from: [1, 2, 5][i]! }));

const distillation = { kind: 'distillation', temperature: 1, hiddenStates: 0, topLogits: null } as const;
const losses = ({ curve }: TrainResult) => curve.map(({ loss }) => loss);

describe('training', () => {
  it.each(Object.keys(golden))('follows torch in %s, all tensors learning', async (family) => {
    const { model, sequences } = await load(family);
    const { loss, gradientNorm } = golden[family]!;
    const { curve, step } = await run(
      requestFor(model, { sequences: partly(sequences), steps: loss.length }),
    );
    expect(step).toBe(loss.length);
    expect(maxDifference(losses({ curve } as TrainResult), loss)).toBeLessThan(1e-4);
    for (const [i, point] of curve.entries()) {
      expect(Math.abs(point.gradientNorm / gradientNorm[i]! - 1)).toBeLessThan(1e-3);
    }
  });

  it('is the same however many sequences go through the model together', async () => {
    for (const family of ['gpt_oss', 'deepseek_v2']) {
      const { model, sequences } = await load(family);
      const request = requestFor(model, {
        sequences: partly([...sequences, ...sequences.slice(1)].slice(0, 3)),
      });
      const [together, apart] = [await run(request), await run(request, { tokens: 1 })];
      expect(maxDifference(losses(together), losses(apart))).toBeLessThan(1e-4);
    }
  });

  it('has the same bits with blocks opened one at a time', async () => {
    const { model, sequences } = await load('qwen3_moe');
    const request = requestFor(model, { sequences: partly(sequences) });
    expect((await run(request, { residency: 'streamed' })).curve).toEqual((await run(request)).curve);
  });

  it('learns 64 tokens by heart', async () => {
    const model = await openModel(file('../../../tiny/model'));
    const ids = Array.from({ length: 64 }, (_, i) => (i * i * 7 + 13 * i) % 640);
    const request = requestFor(model, { sequences: [{ ids, from: 1 }], steps: 60 });
    const { curve } = await run({ ...request, optimiser: { ...request.optimiser, learningRate: 3e-3 } });
    expect(curve[0]!.loss).toBeGreaterThan(5);
    expect(curve.at(-1)!.loss).toBeLessThan(0.01);
  });

  it('yields tensors in the types they had, with which the model has the loss that was measured', async () => {
    const { model, sequences } = await load('olmoe');
    const [learnt, ...data] = partly(sequences);
    const more = { validation: data, evaluateEvery: 1, steps: 12 };
    const request = requestFor(model, { sequences: [learnt!], ...more });
    await inTemporaryFolder(async (folder) => {
      // What it learns by heart helps with other tokens only at first.
      const optimiser = { ...request.optimiser, learningRate: 0.01 };
      const result = await train(engine, { ...request, optimiser }, { folder });
      const validation = result.curve.map((point) => point.validation!);
      expect(result.step).toBe(1 + validation.indexOf(Math.min(...validation)));
      expect(result.step).toBeLessThan(12);
      expect(result.step).toBeGreaterThan(1);

      for (const [path, tensor] of result.tensors) {
        const before = tensorsByPath(model).get(path)!;
        expect([tensor.dtype, tensor.shape]).toEqual([before.dtype, before.shape]);
        expect(await decodeFloat32(tensor)).not.toEqual(await decodeFloat32(before));
      }
      const runner = await ModelRunner.open(withTensors(model, result.tensors));
      const scores = await runner
        .score(data.map(({ ids, from }) => ({ ids, from })))
        .finally(() => runner.dispose());
      const predicted = data.reduce((sum, { ids, from }) => sum + ids.length - from, 0);
      const mean = -scores.reduce((sum, { logprob }) => sum + logprob, 0) / predicted;
      // As near as bf16 weights can be.
      expect(Math.abs(mean / Math.min(...validation) - 1)).toBeLessThan(0.02);
    });
  });

  it('changes nothing but what it was asked to', async () => {
    const { model, sequences } = await load('qwen3_moe');
    const last = model.blocks.length - 1;
    const everything = [...tensorsByPath(model).keys()];
    const trainable = everything.filter((path) => path.startsWith(`blocks.${last}.ffn.pool.0.`));
    const request = requestFor(model, { sequences: partly(sequences), trainable, clip: null });
    const [some, all] = [await run(request), await run({ ...request, trainable: everything })];
    expect([...some.tensors.keys()]).toEqual(trainable);
    expect(some.curve[0]!.loss).toBeCloseTo(all.curve[0]!.loss, 5);
    expect(some.curve[0]!.gradientNorm).toBeLessThan(all.curve[0]!.gradientNorm);
    expect(some.curve[2]!.loss).toBeLessThan(some.curve[0]!.loss);
    await expect(run({ ...request, trainable: ['blocks.9.nothing'] })).rejects.toMatchObject({
      code: 'PLAN_INVALID',
      where: 'tensor blocks.9.nothing',
    });
  });
});

describe('distillation', () => {
  it.each(['forward', 'reverse'] as const)('costs a copy of the teacher nothing (%s)', async (direction) => {
    const { model: teacher, sequences } = await load('olmoe');
    const loss = { ...distillation, teacher, direction, hiddenStates: 1 };
    const { curve } = await run(requestFor(teacher, { sequences: partly(sequences), loss, steps: 1 }));
    expect(curve[0]!.loss).toBe(0);
    expect(curve[0]!.gradientNorm).toBeLessThan(1e-5);
  });

  it('brings a student closer, in its states too', async () => {
    const { model: teacher, sequences } = await load('olmoe');
    const { blocks } = teacher;
    const student = {
      ...teacher,
      blocks: blocks.map((block) => ({ ...block, attention: blocks[0]!.attention })),
    };
    const data = partly(sequences);
    const request = requestFor(student, { sequences: data, validation: data, evaluateEvery: 12, steps: 12 });
    for (const direction of ['forward', 'reverse'] as const) {
      const [plain, states] = [
        await run({ ...request, loss: { ...distillation, teacher, direction, temperature: 2 } }),
        await run({
          ...request,
          loss: { ...distillation, teacher, direction, temperature: 2, hiddenStates: 3 },
        }),
      ];
      for (const { curve } of [plain, states]) {
        expect(curve.at(-1)!.validation).toBeLessThan(curve[0]!.loss / 2);
        expect(curve.at(-1)!.validation).toBeLessThan(curve.at(-1)!.loss);
      }
      expect(states.curve[0]!.loss).toBeGreaterThan(plain.curve[0]!.loss);
    }
  });

  it('is the same from all logits on disk, and asks the teacher once', async () => {
    const { model: teacher, sequences } = await load('qwen2_moe');
    const { blocks } = teacher;
    const student = { ...teacher, blocks: blocks.map((block) => ({ ...block, ffn: blocks[0]!.ffn })) };
    const data = partly(sequences);
    const { vocabSize } = teacher.config;
    const beside = { ...distillation, teacher, direction: 'forward', temperature: 2 } as const;
    const request = requestFor(student, { sequences: data, loss: { ...beside, topLogits: vocabSize } });
    await inTemporaryFolder(async (folder) => {
      const tasks: string[] = [];
      const progress = (event: ProgressEvent) => event.type === 'start' && tasks.push(event.task);
      const known = await train(engine, { ...request, progress }, { folder });
      const live = await train(engine, { ...request, loss: beside }, { folder });
      expect(maxDifference(losses(known), losses(live))).toBeLessThan(1e-4);
      await train(engine, { ...request, seed: 8, progress }, { folder });
      expect(tasks).toEqual(['Asking the teacher', 'test', 'test']);
      const answers = join(folder, readdirSync(folder).find((name) => name.startsWith('teacher-'))!);
      const damaged = join(answers, '1.f32');
      writeFileSync(damaged, readFileSync(damaged).fill(7, 0, 4));
      const again = { ...request, seed: 9, progress };
      await expect(train(engine, again, { folder })).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
      expect((await train(engine, again, { folder })).curve).toEqual(known.curve);
      expect(tasks.slice(3)).toEqual(['test', 'Asking the teacher', 'test']);
    });
  });
});

describe('a run', () => {
  it('that is stopped goes on where it was, with the same bits, and its curve tells it all', async () => {
    const { model, sequences } = await load('qwen2_moe');
    const request = requestFor(model, { sequences: partly(sequences), sequencesPerStep: 2, steps: 7 });
    const reference = await run(request);
    await inTemporaryFolder(async (folder) => {
      const stop = new AbortController();
      const progress = (event: ProgressEvent) => {
        if (event.type === 'advance' && event.done === 4) stop.abort();
      };
      const stopped = train(engine, { ...request, progress, signal: stop.signal }, { folder });
      await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
      const notes: unknown[] = [];
      const listen = (event: ProgressEvent) => event.type === 'advance' && notes.push(event.done, event.note);
      const result = await train(engine, { ...request, progress: listen }, { folder });
      expect(notes.slice(0, 2)).toEqual([4, 'resumed']);
      expect(result.curve).toEqual(reference.curve);
      const [name] = readdirSync(folder);
      expect(readdirSync(join(folder, name!)).toSorted()).toEqual(['curve.ndjson', 'learned.safetensors']);
      const lines = readFileSync(join(folder, name!, 'curve.ndjson'), 'utf8')
        .trimEnd()
        .split('\n');
      expect(lines.map((line) => JSON.parse(line))).toEqual(result.curve);
    });
  });

  it('whose files are damaged begins anew', async () => {
    const { model, sequences } = await load('olmoe');
    const data = partly(sequences);
    const request = requestFor(model, { sequences: data, validation: data, evaluateEvery: 2, steps: 4 });
    await inTemporaryFolder(async (folder) => {
      const stop = new AbortController();
      const progress = (event: ProgressEvent) => {
        if (event.type === 'advance' && event.done === 3) stop.abort();
      };
      const stopped = train(engine, { ...request, progress, signal: stop.signal }, { folder });
      await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
      const own = join(folder, readdirSync(folder)[0]!);
      expect(readdirSync(own).toSorted()).toEqual([
        'best-2.f32',
        'curve.ndjson',
        'progress.json',
        'state-3.f32',
      ]);
      const dones: number[] = [];
      const listen = (event: ProgressEvent) => event.type === 'advance' && dones.push(event.done);
      for (const name of ['state-3.f32', 'learned.safetensors']) {
        writeFileSync(join(own, name), readFileSync(join(own, name)).fill(1, 0, 9));
        const { curve } = await train(engine, { ...request, progress: listen }, { folder });
        expect(curve).toHaveLength(4);
      }
      expect(dones).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    });
  });

  it('that diverges says so, and another process at it is waited for', async () => {
    const { model, sequences } = await load('olmoe');
    const request = requestFor(model, { sequences: partly(sequences), steps: 30, clip: null });
    const wild = { ...request, optimiser: { ...request.optimiser, learningRate: 1e30 } };
    await expect(run(wild)).rejects.toMatchObject({ code: 'WEIGHTS_NOT_FINITE', where: 'test' });
    await inTemporaryFolder(async (folder) => {
      const [first, second] = [train(engine, request, { folder }), train(engine, request, { folder })];
      const outcomes = await Promise.allSettled([first, second]);
      const refused = outcomes.filter(({ status }) => status === 'rejected');
      expect(refused).toMatchObject([
        { reason: { code: 'WRITE_FAILED', hint: expect.stringContaining('Wait') } },
      ]);
    });
  });
});
