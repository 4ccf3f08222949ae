import { openModel } from '@moepress/checkpoint';
import type { TokenSequence } from '@moepress/core';
import { type Model, tensorsByPath } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensor } from '../engine/protocol.js';
import { EngineScope } from '../engine/scope.js';
import { SessionPool } from '../engine/session-pool.js';
import { EngineWorker } from '../engine/worker.js';
import { fixtures, fullReferences, type Golden, maxDifference } from '../testing/golden.js';
import { Gradients } from './gradients.js';
import { besideTeacher, nextTokens, type Objective } from './objective.js';
import { Parameters } from './parameters.js';
import { predictedIn, trainingBatches } from './training-batches.js';

const shared = process.env.MOEPRESS_SHARED;

const open = async (family: string): Promise<{ golden: Golden; model: Model }> => {
  const golden = await fixtures.find(({ name }) => name.startsWith(`${family} `))!.load();
  return { golden, model: await openModel(golden.model) };
};

type ObjectiveOf = (sessions: SessionPool, view: Model) => Objective;
const crossEntropy: ObjectiveOf = (_, view) => nextTokens(view);

/** A model of which everything learns. */
class Learner {
  readonly parameters: Parameters;
  readonly #gradients: Gradients;

  private constructor(scope: EngineScope, parameters: Parameters, objective: ObjectiveOf) {
    const sessions = new SessionPool(scope, { keepsOpen: true });
    this.parameters = parameters;
    this.#gradients = new Gradients(sessions, parameters, objective(sessions, parameters.view));
  }

  static async with(model: Model, objective: ObjectiveOf, use: (learner: Learner) => Promise<void>) {
    const worker = new EngineWorker(2);
    try {
      const scope = new EngineScope([worker]);
      const parameters = new Parameters(scope, model, [...tensorsByPath(model).keys()]);
      await parameters.begin();
      await use(new Learner(scope, parameters, objective));
    } finally {
      await worker.dispose();
    }
  }

  /** The loss, and the gradients that the sequences contribute, by path. */
  async add(sequences: readonly TokenSequence[], tokens: number, scale = 1) {
    let loss = 0;
    for (const batch of trainingBatches(this.parameters.view, sequences, tokens)) {
      loss += await this.#gradients.add(batch, scale);
    }
    const added = new Map<string, Float32Array>();
    for (const path of this.parameters.tensors.keys()) {
      const gradient = await this.parameters
        .gradient(path)
        .read()
        .catch(() => null);
      if (gradient) added.set(path, gradient.data as Float32Array);
    }
    await this.parameters.forgetGradients();
    return { loss, added };
  }

  async loss(sequences: readonly TokenSequence[]) {
    let loss = 0;
    for (const batch of trainingBatches(this.parameters.view, sequences, 2048)) {
      loss += await this.#gradients.loss(batch);
    }
    return loss;
  }
}

const sizeOf = (values: Float32Array) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);

describe('gradients of everything', () => {
  it('do not depend on how sequences are put together', async () => {
    const { model } = await open('qwen2_moe');
    const sequence = fc
      .array(fc.integer({ min: 0, max: model.config.vocabSize - 1 }), { minLength: 2, maxLength: 12 })
      .chain((ids) =>
        fc.record({ ids: fc.constant(ids), from: fc.integer({ min: 1, max: ids.length - 1 }) }),
      );
    const data = fc.array(sequence, { minLength: 2, maxLength: 4 });
    await Learner.with(model, crossEntropy, (learner) =>
      fc.assert(
        fc.asyncProperty(data, fc.integer({ min: 1, max: 40 }), async (sequences, tokens) => {
          const [together, apart] = [
            await learner.add(sequences, 2048),
            await learner.add(sequences, tokens),
          ];
          expect(Math.abs(together.loss - apart.loss)).toBeLessThan(1e-4 * predictedIn(sequences));
          for (const [path, values] of together.added) {
            const difference = maxDifference(values, apart.added.get(path)!);
            expect(difference / sizeOf(values), path).toBeLessThan(1e-3);
          }
        }),
        { numRuns: 10, seed: 5 },
      ),
    );
  });

  it('come from the predicted tokens alone', async () => {
    const { model } = await open('olmoe');
    const ids = [5, 9, 1, 30, 7, 77, 3];
    await Learner.with(model, crossEntropy, async (learner) => {
      const whole = await learner.loss([{ ids, from: 1 }]);
      const end = await learner.loss([{ ids, from: 4 }]);
      expect(end + (await learner.loss([{ ids: ids.slice(0, 4), from: 1 }]))).toBeCloseTo(whole, 4);
    });
  });

  const objectives: [string, (teacher: Model) => ObjectiveOf][] = [
    ['the next tokens', () => crossEntropy],
    ...(['forward', 'reverse'] as const).map((direction): [string, (teacher: Model) => ObjectiveOf] => [
      `a teacher, ${direction}, and its states`,
      (teacher) => (sessions, view) => {
        const numbers = { direction, temperature: 1.5, hiddenStates: 2, topLogits: null } as const;
        return besideTeacher(sessions, view, { kind: 'distillation', teacher, ...numbers });
      },
    ]),
  ];
  it.each(objectives)('are the slope of the loss (%s)', async (_, objectiveOf) => {
    const { golden, model } = await open('mixtral');
    const teacher = { ...model, blocks: model.blocks.toReversed() };
    await expectSlope(model, objectiveOf(teacher), [{ ids: golden.sequences[2]!, from: 3 }]);
  });

  it('count an embedding twice that is the head too', async () => {
    const { golden, model } = await open('olmoe');
    const tied = { ...model, head: model.embed, config: { ...model.config, tiedEmbeddings: true } };
    await expectSlope(tied, crossEntropy, [{ ids: golden.sequences[1]!, from: 1 }]);
  });
});

/** Along the gradient g the loss rises by |g|² a unit. */
async function expectSlope(model: Model, objective: ObjectiveOf, sequences: readonly TokenSequence[]) {
  await Learner.with(model, objective, async (learner) => {
    const { parameters } = learner;
    const { added, loss } = await learner.add(sequences, 2048);
    expect(await learner.loss(sequences)).toBeCloseTo(loss, 3);
    expect(added.size).toBe(parameters.tensors.size);
    const squares = [...added.values()].map((values) => values.reduce((sum, x) => sum + x * x, 0));
    const length = squares.reduce((sum, x) => sum + x);
    // Short enough that no token is routed to another expert.
    const step = 5e-4 / Math.sqrt(length);
    const move = async (by: number) => {
      for (const [path, gradient] of added) {
        const { dims, data } = await parameters.feeds[path]!.read();
        const moved = (data as Float32Array).map((x, i) => x + by * gradient[i]!);
        await parameters.feeds[path]!.put(tensor('float32', dims, moved));
      }
    };
    await move(step);
    const above = await learner.loss(sequences);
    await move(-2 * step);
    const slope = (above - (await learner.loss(sequences))) / (2 * step);
    expect(slope / length).toBeCloseTo(1, 2);
  });
}

const references = shared ? fullReferences(shared).filter(({ name }) => name.endsWith(' fp32')) : [];
describe.runIf(shared).each(references)('$name', ({ load }) => {
  it("has torch's gradients of the routers", async () => {
    const golden = await load();
    const model = await openModel(golden.model);
    await Learner.with(model, crossEntropy, async (learner) => {
      const sums = new Map<string, Float32Array>();
      for (const [s, ids] of golden.sequences.entries()) {
        const predicted = ids.length - 1;
        const { loss, added } = await learner.add([{ ids, from: 1 }], 2048, 1 / predicted);
        expect(loss / predicted).toBeCloseTo(golden.nllMean[s]!, 4);
        for (const [path, values] of added) {
          sums.set(
            path,
            values.map((x, i) => x + (sums.get(path)?.[i] ?? 0)),
          );
        }
      }
      for (const [i, { index }] of model.blocks.entries()) {
        const expected = await golden.floats(`grad.router.layer${index}`);
        if (!expected) continue;
        const actual = sums.get(`blocks.${i}.ffn.router.weight`)!;
        expect(maxDifference(actual, expected) / sizeOf(expected)).toBeLessThan(1e-4);
      }
    });
  });
});
