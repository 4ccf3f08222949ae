import { openModel } from '@moepress/checkpoint';
import type { Model, Value } from '@moepress/core';
import { GraphBuilder } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Feeds } from '../engine/handles.js';
import { int32, type TensorData, tensor } from '../engine/protocol.js';
import { EngineWorker } from '../engine/worker.js';
import { fixtures } from '../testing/golden.js';
import { numbers, worstGradientError } from '../testing/gradient-check.js';
import { runGraph } from '../testing/run-graph.js';
import { lossGradientGraph, lossGraph, topTokensGraph } from './loss-graph.js';
import {
  type DivergenceOptions,
  divergence,
  logSoftmax,
  nextTokenLoss,
  type RowLoss,
  stateLoss,
  teacherLoss,
  topTokensLoss,
} from './losses.js';

let worker: EngineWorker;
let model: Model;
let width: number;
beforeAll(async () => {
  worker = new EngineWorker(1);
  model = await openModel((await fixtures[0]!.load()).model);
  width = model.config.hiddenSize;
});
afterAll(() => worker.dispose());

const forward: DivergenceOptions = { direction: 'forward', temperature: 1 };
const comparisons: DivergenceOptions[] = [
  forward,
  { direction: 'reverse', temperature: 1 },
  { direction: 'forward', temperature: 2.5 },
  { direction: 'reverse', temperature: 0.7 },
];

/** t² Σ p log(p / q) of two softened softmaxes, as it stands. */
function klOf(teacher: number[], student: number[], { direction, temperature }: DivergenceOptions): number {
  const softened = (logits: number[]) => {
    const weights = logits.map((x) => Math.exp(x / temperature));
    const sum = weights.reduce((a, b) => a + b);
    return weights.map((x) => x / sum);
  };
  const [t, s] = [softened(teacher), softened(student)];
  const [p, q] = direction === 'forward' ? [t, s] : [s, t];
  return temperature ** 2 * p.reduce((sum, x, i) => sum + x * Math.log(x / q[i]!), 0);
}

const tokens = 5;
const rows = { rows: int32([4, 0, 2]) };

/** Final states of some tokens. */
const states = (phase = 0) =>
  tensor(
    'float32',
    [tokens, width],
    Float32Array.from({ length: tokens * width }, (_, i) => Math.sin(i ** 1.1 + phase)),
  );

const run = (graph: ReturnType<typeof lossGraph>, feeds: Feeds) => runGraph(worker, graph, feeds);

const lossOf = async (loss: RowLoss, feeds: Record<string, TensorData>) =>
  Number((await run(lossGraph(width, loss), { ...rows, ...feeds })).loss!.data[0]);

/** The teacher's `n` most probable tokens, as a student's loss is fed with them. */
async function topOf(n: number, temperature: number) {
  const answers = await run(topTokensGraph(model, n, temperature), { ...rows, hidden: states() });
  const ids = BigInt64Array.from([...answers.tokens!.data].map((id) => BigInt(Number(id))));
  return { topLogprobs: answers.logprobs!, topTokens: tensor('int64', [3, n], ids) };
}

describe.each(comparisons)('the $direction divergence at temperature $temperature', (comparison) => {
  it('is that of the formula, and so is its gradient', async () => {
    const inputs = {
      teacher: numbers(3, 5),
      student: { shape: [3, 5], data: numbers(15).data.toReversed() },
    };
    const { temperature } = comparison;
    const build = (v: Record<string, Value>) =>
      divergence(logSoftmax(v.teacher!, temperature), logSoftmax(v.student!, temperature), comparison);
    const graph = new GraphBuilder('divergence');
    const input = (name: string) => graph.input(name, 'float64', [3, 5]);
    graph.output('loss', build({ teacher: input('teacher'), student: input('student') }));
    const fed = ({ shape, data }: (typeof inputs)['teacher']) => tensor('float64', shape, data.slice());
    const feeds = { teacher: fed(inputs.teacher), student: fed(inputs.student) };
    const { loss } = await run(graph.finish(), feeds);
    for (const row of [0, 1, 2]) {
      const of = (data: Float64Array) => [...data.slice(5 * row, 5 * row + 5)];
      const expected = klOf(of(inputs.teacher.data), of(inputs.student.data), comparison);
      expect(Number(loss!.data[row])).toBeCloseTo(expected, 10);
    }
    expect(await worstGradientError(worker, inputs, (_, v) => build(v))).toBeLessThan(1e-6);
  });

  it('of a copy is nothing', async () => {
    const loss = teacherLoss(model, model, comparison);
    expect(await lossOf(loss, { hidden: states(), teacher: states() })).toBe(0);
  });

  it('needs no more of the teacher than all its tokens, and less of it is less', async () => {
    const full = await lossOf(teacherLoss(model, model, comparison), {
      hidden: states(2),
      teacher: states(),
    });
    expect(full).toBeGreaterThan(0.1);
    const { vocabSize } = model.config;
    const known: number[] = [];
    for (const n of [1, 8, 100, vocabSize]) {
      const feeds = { hidden: states(2), ...(await topOf(n, comparison.temperature)) };
      known.push(await lossOf(topTokensLoss(model, n, comparison), feeds));
    }
    expect(Math.abs(known[3]! - full)).toBeLessThan(1e-4 * full);
    expect(known).toEqual(known.toSorted((a, b) => a - b));
    expect(known[0]).toBeGreaterThanOrEqual(0);
  });
});

describe('a row loss backwards', () => {
  const pairs = tensor('int64', [3, 2], BigInt64Array.of(0n, 7n, 1n, 0n, 2n, 3n));
  const cases: [
    string,
    () => RowLoss,
    () => Record<string, TensorData> | Promise<Record<string, TensorData>>,
  ][] = [
    ['the next token', () => nextTokenLoss(model), () => ({ pairs })],
    ['a teacher', () => teacherLoss(model, model, forward), () => ({ teacher: states(1) })],
    ['its most probable tokens', () => topTokensLoss(model, 8, forward), () => topOf(8, 1)],
    ['its states', () => stateLoss, () => ({ teacher: states(1) })],
  ];

  it.each(cases)('moves the states towards %s, and only those of its rows', async (_, loss, more) => {
    const feeds = { ...rows, ...(await more()), hidden: states(3) };
    const before = Float32Array.from({ length: tokens * width }, (_, i) => i);
    const results = await run(lossGradientGraph(width, loss()), {
      ...feeds,
      gradient: tensor('float32', [tokens, width], before.slice()),
      scale: tensor('float32', [], Float32Array.of(0.5)),
    });
    const gradient = (results.gradientOut!.data as Float32Array).map((x, i) => x - before[i]!);
    const used = (i: number) => [0, 2, 4].includes(Math.floor(i / width));
    expect(gradient.every((x, i) => used(i) || x === 0)).toBe(true);

    // Along the gradient g the loss rises by |g|² / scale for each unit.
    const length = gradient.reduce((sum, x) => sum + x * x, 0);
    const step = 1e-2 / Math.sqrt(length);
    const at = (sign: number) => {
      const moved = (states(3).data as Float32Array).map((x, i) => x + sign * step * gradient[i]!);
      return lossOf(loss(), { ...feeds, hidden: tensor('float32', [tokens, width], moved) });
    };
    const slope = ((await at(1)) - (await at(-1))) / (2 * step);
    expect(slope / (length / 0.5)).toBeCloseTo(1, 2);
    expect(Number(results.loss!.data[0])).toBeCloseTo(await lossOf(loss(), feeds), 10);
  });
});
