import { createRng, decodeIndices, type LayerOp, moeBlocks, parseOptions } from '@moepress/core';
import { type ToyNumbers, toyEvidence, toyModel, toyTools } from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bestAssignment } from './assignment.js';
import { averageLinkage } from './average-linkage.js';
import { hcSmoe } from './hc-smoe.js';
import { layerDrop } from './layer-drop.js';
import { mSmoe } from './m-smoe.js';
import { mone } from './mone.js';
import { topK } from './top-k.js';

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const numbersOf = (n: number, least = 0) =>
  fc.array(fc.double({ min: least, max: 1, noNaN: true }), { minLength: n, maxLength: n });

/** The definition: the mean over all pairs is taken anew for every pair of clusters. */
function clustered(distances: readonly number[], n: number, count: number): number[][] {
  let clusters = range(n).map((i) => [i]);
  while (clusters.length > count) {
    const pairs = clusters.flatMap((a, i) => clusters.slice(i + 1).map((b) => ({ a, b })));
    const mean = ({ a, b }: (typeof pairs)[number]) =>
      a.flatMap((i) => b.map((j) => distances[i * n + j]!)).reduce((x, y) => x + y, 0) /
      (a.length * b.length);
    const { a, b } = pairs.reduce((best, pair) => (mean(pair) < mean(best) ? pair : best));
    clusters = clusters
      .filter((own) => own !== a && own !== b)
      .concat([[...a, ...b]])
      .sort((x, y) => Math.min(...x) - Math.min(...y));
  }
  return clusters.map((own) => own.sort((x, y) => x - y));
}

test('average linkage joins what its definition joins', () => {
  const n = 6;
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 1e6 }), { minLength: 15, maxLength: 15 }),
      fc.integer({ min: 1, max: n }),
      (above, count) => {
        const pairs = range(n).flatMap((i) => range(i).map((j) => [i, j] as const));
        const distances = new Float64Array(n * n);
        for (const [at, [i, j]] of pairs.entries()) distances[i * n + j] = distances[j * n + i] = above[at]!;
        expect(averageLinkage(distances, n, count)).toEqual(clustered([...distances], n, count));
      },
    ),
    { numRuns: 40 },
  );
});

const permutations = (items: readonly number[]): number[][] =>
  items.length === 0
    ? [[]]
    : items.flatMap((first) =>
        permutations(items.filter((own) => own !== first)).map((rest) => [first, ...rest]),
      );

test('the best assignment is the best of all', () => {
  fc.assert(
    fc.property(numbersOf(25, -1), (values) => {
      const sum = (order: readonly number[]) => order.reduce((total, j, i) => total + values[i * 5 + j]!, 0);
      const order = bestAssignment(Float64Array.from(values), 5);
      expect([...order].sort()).toEqual(range(5));
      expect(sum(order)).toBeCloseTo(Math.max(...permutations(range(5)).map(sum)), 9);
    }),
    { numRuns: 20 },
  );
});

const model = toyModel({ layers: 2, experts: 4, topK: 2, hidden: 2, width: 3 });

const given = (layers: readonly ToyNumbers[]) => ({
  model,
  evidence: toyEvidence({ ...layers }),
  rng: createRng(0),
});

/** Tools that know the products of channels, which are vectors of rows and a column. */
const channelTools = {
  ...toyTools(),
  async gram(tensors: readonly object[]) {
    // A number for each channel, in reverse order for the expert that is aligned.
    const half = tensors.length / 2;
    const values = tensors.map((_, i) => (i < half ? i + 1 : 2 * half - i));
    return Float64Array.from(values.flatMap((a) => values.map((b) => a * b)));
  },
};

describe('HC-SMoE', () => {
  const outputs = { 'output-sums-on-all-tokens': { sum: [0, 0, 5, 5, 0, 1, 9, 9] } };
  const hits = (...count: number[]) => ({ 'expert-hits': { count } });

  test('merges experts whose outputs are close, weighted by use, and equally where none was used', async () => {
    const layers = [
      { ...outputs, ...hits(3, 1, 1, 5) },
      { ...outputs, ...hits(0, 2, 0, 0) },
    ];
    const plan = await hcSmoe.plan({
      ...given(layers),
      options: parseOptions(hcSmoe, { ratio: 0.25 }),
      tools: toyTools(),
    });
    const merge = (weights: number[]): LayerOp => ({
      op: 'merge-experts',
      groups: [{ experts: [0, 2], weights }],
    });
    expect(plan.layers).toEqual([
      { layer: 0, ops: [merge([0.75, 0.25])] },
      { layer: 1, ops: [merge([0.5, 0.5])] },
    ]);
  });

  test('changes nothing at ratio 0', async () => {
    const layers = [0, 1].map(() => ({ ...outputs, ...hits(1, 1, 1, 1) }));
    const plan = await hcSmoe.plan({
      ...given(layers),
      options: parseOptions(hcSmoe, { ratio: 0 }),
      tools: toyTools(),
    });
    expect(plan.layers).toEqual([]);
  });
});

test('M-SMoE keeps the most used of all layers, and joins others by their logits with channels in order', async () => {
  // Slots 0 and 2 have the same direction, and so have 1 and 3.
  const directions = [
    [1, 0],
    [0, 1],
    [2, 0.1],
    [0.1, 3],
  ];
  const gram = directions.flatMap((a) => directions.map((b) => a[0]! * b[0]! + a[1]! * b[1]!));
  const layers = [
    { 'expert-hits': { count: [40, 30, 20, 10] }, 'router-logit-gram': { gram } },
    { 'expert-hits': { count: [97, 1, 1, 1] }, 'router-logit-gram': { gram } },
  ];
  const plan = await mSmoe.plan({
    ...given(layers),
    options: parseOptions(mSmoe, { ratio: 0.5 }),
    tools: channelTools,
  });
  const ops = plan.layers.map(({ layer, ops: [op] }) => ({
    layer,
    op: op as Extract<LayerOp, { op: 'merge-experts' }>,
  }));
  expect(ops.map(({ layer, op }) => [layer, op.groups.map(({ experts }) => experts)])).toEqual([
    [0, [[1, 3]]],
    [1, [[0, 1, 2, 3]]],
  ]);
  expect(ops[0]!.op.groups[0]!.weights).toEqual([0.75, 0.25]);
  const [first, second] = ops[0]!.op.groups[0]!.permutations!;
  expect(first).toBe(null);
  expect(decodeIndices(second!, 'plan')).toEqual([2, 1, 0]);
});

test('MoNE puts the mean outputs of the lowest experts in their places', async () => {
  const layer = {
    'expert-hits': { count: [4, 0, 2, 9] },
    'output-sums': { sum: [1, 1, 0, 0, 3, -1, 5, 5] },
    'squared-output-norms': { sum: [100, 0, 60, 900] },
  };
  const plan = await mone.plan({
    ...given([layer, layer]),
    options: parseOptions(mone, { ratio: 0.5 }),
    tools: toyTools(),
  });
  const values = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
  const experts = [
    { expert: 1, values: values(0, 0) },
    { expert: 2, values: values(1.5, -0.5) },
  ];
  expect(plan.layers[0]).toEqual({ layer: 0, ops: [{ op: 'replace-by-constant', experts }] });
});

describe('layer drop', () => {
  const cosine = (sum: number) => ({ 'ffn-cosines': { sum: [sum], count: [10] } });

  test('drops the FFNs that turn hidden states least', async () => {
    const plan = await layerDrop.plan({
      ...given([cosine(9.9), cosine(7)]),
      options: parseOptions(layerDrop, { ratio: 0.5 }),
      tools: toyTools(),
    });
    expect(plan.layers).toEqual([{ layer: 0, ops: [{ op: 'drop-ffn' }] }]);
  });

  test('refuses what passes a norm before it is added', () => {
    const blocks = model.blocks.map((block) => ({
      ...block,
      norms: { ...block.norms, place: 'after' as const },
    }));
    const needs = () => layerDrop.needs({ ...model, blocks }, { ratio: 0.5, seed: 0 });
    expect(needs).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }));
  });
});

test('top-k lets all routers select fewer, and no more than they do', () => {
  const layers = moeBlocks(model).map(({ index: layer }) => ({ layer, ops: [{ op: 'set-top-k', topK: 1 }] }));
  expect(topK.outline!(model, { topK: 1, seed: 0 })).toEqual(layers);
  expect(topK.outline!(model, { topK: 2, seed: 0 })).toEqual([]);
  expect(() => topK.needs(model, { topK: 3, seed: 0 })).toThrow(
    expect.objectContaining({ code: 'OPTIONS_INVALID' }),
  );
});
