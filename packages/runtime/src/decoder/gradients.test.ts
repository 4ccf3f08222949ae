import { openModel } from '@moepress/checkpoint';
import type { Value } from '@moepress/core';
import {
  add,
  addRows,
  cast,
  clip,
  concat,
  div,
  exp,
  expand,
  type GraphBuilder,
  gather,
  gatherElements,
  gatherNd,
  gelu,
  geluTanh,
  linear,
  log,
  matmul,
  mul,
  neg,
  reciprocal,
  reduceLogSumExp,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  rmsNorm,
  scatterAdd,
  sigmoid,
  silu,
  sizeOf,
  slice,
  sliceDynamic,
  softmax,
  sqrt,
  square,
  squeeze,
  sub,
  topK,
  transpose,
  unsqueeze,
} from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineWorker } from '../engine/worker.js';
import { fixtures } from '../testing/golden.js';
import { type Checked, numbers, worstGradientError } from '../testing/gradient-check.js';
import { rotaryTables } from '../tokens/rotary-tables.js';
import { differentiableBlock } from './block-gradient.js';

let worker: EngineWorker;
beforeAll(() => {
  worker = new EngineWorker(1);
});
afterAll(() => worker.dispose());

type Case = [string, Record<string, Checked>, (inputs: Record<string, Value>, graph: GraphBuilder) => Value];
const a = numbers(3, 4);
const b = numbers(4).data.map((x) => x + 3);
const row = { shape: [4], data: b };
const rowsOf = (graph: GraphBuilder, ...indices: number[]) =>
  graph.constant(indices, [indices.length], 'int64');

const cases: Case[] = [
  ['add, repeated along rows', { a, row }, (v) => add(v.a!, v.row!)],
  ['sub', { a, row }, (v) => sub(v.row!, v.a!)],
  ['mul, both sides one value', { a }, (v) => mul(v.a!, v.a!)],
  ['mul, a column repeated', { a, c: numbers(3, 1) }, (v) => mul(v.a!, v.c!)],
  ['div', { a, row }, (v) => div(v.a!, v.row!)],
  ['neg, sqrt, reciprocal', { row }, (v) => neg(sqrt(reciprocal(v.row!)))],
  ['sigmoid', { a }, (v) => sigmoid(v.a!)],
  ['exponential and logarithm', { a, row }, (v) => add(exp(v.a!), log(v.row!))],
  ['silu', { a }, (v) => silu(v.a!)],
  ['gelu by tanh', { a }, (v) => geluTanh(v.a!)],
  ['relu', { a }, (v) => relu(v.a!)],
  ['softmax', { a }, (v) => softmax(v.a!)],
  ['clip', { a }, (v) => clip(v.a!, -1, 0.5)],
  ['clip from above', { a }, (v) => clip(v.a!, null, 0.5)],
  ['cast', { a }, (v) => cast(v.a!, 'float64')],
  ['linear with bias', { a, w: numbers(5, 4), bias: numbers(5) }, (v) => linear(v.a!, v.w!, v.bias!)],
  ['matmul, batched', { x: numbers(2, 3, 4), y: numbers(2, 4, 2) }, (v) => matmul(v.x!, v.y!)],
  ['rms norm', { a, row }, (v) => rmsNorm(v.a!, v.row!, 1e-3)],
  ['reshape and transpose', { a }, (v) => transpose(reshape(v.a!, [2, 2, 3]), [2, 0, 1])],
  ['unsqueeze and squeeze', { a }, (v) => squeeze(unsqueeze(v.a!, 1), 1)],
  ['concat and slice', { a, d: numbers(3, 2) }, (v) => slice(concat([v.a!, v.d!], 1), 1, 1, 5)],
  [
    'join of a range told when it runs',
    { a, d: numbers(3, 2) },
    (v) => reduceSum(square(concat([rest(v), exp(v.d!)], 1)), [1]),
  ],
  ['sums and means', { a }, (v) => add(reduceSum(v.a!, [1], true), reduceMean(v.a!, [-1], true))],
  ['log of summed exponentials', { a }, (v) => reduceLogSumExp(v.a!, [1])],
  ['a size of 1 repeated', { c: numbers(3, 1, 2) }, (v) => expand(v.c!, 1, 3)],
  ['sum without its axis', { a }, (v) => reduceSum(v.a!, [0])],
  ['rows, one of them twice', { a }, (v, g) => gather(v.a!, rowsOf(g, 2, 0, 2))],
  ['rows as a matrix', { a }, (v, g) => gather(v.a!, g.constant([1, 0, 1, 1], [2, 2], 'int64'))],
  ['a single row', { a }, (v, g) => gather(v.a!, g.constant([1], [], 'int64'))],
  ['columns', { a }, (v, g) => gather(v.a!, rowsOf(g, 2, 0, 3), 1)],
  ['elements', { a }, (v, g) => gatherElements(v.a!, g.constant([3, 3, 0, 1, 2, 2], [3, 2], 'int64'), 1)],
  ['elements by coordinates', { a }, (v, g) => gatherNd(v.a!, g.constant([0, 1, 2, 3], [2, 2], 'int64'))],
  ['added rows', { a, u: numbers(2, 4) }, (v, g) => addRows(v.a!, rowsOf(g, 2, 0), v.u!)],
  [
    'scattered elements',
    { a, u: numbers(3, 2) },
    (v, g) => scatterAdd(v.a!, g.constant([3, 3, 0, 1, 2, 2], [3, 2], 'int64'), v.u!, 1),
  ],
  ['the k largest', { a }, (v) => topK(v.a!, 2).values],
];

/** The columns of a that d does not have; graphs cannot tell how many before they run. */
function rest({ a, d }: Record<string, Value>): Value {
  return sliceDynamic(a!, 1, { from: sizeOf(d!, 1), to: sizeOf(a!, 1), count: 'rest' });
}

describe('gradients in double precision against central differences', () => {
  it.each(cases)('%s', async (_, inputs, build) => {
    const worst = await worstGradientError(worker, inputs, (graph, values) => build(values, graph));
    expect(worst).toBeLessThan(1e-6);
  });

  // Differences over 1e-5 of numbers that are known to 6e-8.
  it('gelu, whose error function is of single precision', async () => {
    const worst = await worstGradientError(worker, { a }, (_, values) => gelu(values.a!));
    expect(worst).toBeLessThan(6e-3);
  });

  it('refuses operators it has no derivative for', async () => {
    const attempt = worstGradientError(worker, { a }, (graph, values) => graph.op('Tan', [values.a!]));
    await expect(attempt).rejects.toThrow(/Tan.*no derivative/);
  });
});

describe.each(fixtures)('whole blocks of $name', ({ load }) => {
  it('have the gradients of central differences in double precision', async () => {
    const model = await openModel((await load()).model);
    const { hiddenSize, rope } = model.config;
    for (const block of model.blocks) {
      const { cos, sin } = rotaryTables(rope, Int32Array.of(0, 1, 2), [3, 3, 3]);
      const inputs = {
        hidden: numbers(3, hiddenSize),
        cos: { shape: [3, rope.dim / 2], data: Float64Array.from(cos) },
        sin: { shape: [3, rope.dim / 2], data: Float64Array.from(sin) },
      };
      const worst = await worstGradientError(worker, inputs, (_, values) => {
        const angles = { cos: values.cos!, sin: values.sin! };
        return differentiableBlock(model, block, values.hidden!, angles).hiddenOut;
      });
      expect(worst).toBeLessThan(1e-6);
    }
  });
});
