import { applyLayers, createRng, type Evidence, moeBlocks, parseOptions } from '@moepress/core';
import { noTools, toyEvidence, toyModel } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { cdMoe } from './compressor.js';
import plugin from './index.js';
import { condense, partsOf } from './support.test.util.js';

/** Decoder layers 1 to 6 with 4 experts each and a shared one. */
const model = toyModel({ layers: 7, experts: 4, dense: [0], shared: 3 });
const layers = [1, 2, 3, 4, 5, 6];

/** Expert e of every layer was chosen by 10 e tokens, whose weights sum to 2 e: expert 0 by none. */
const measured = (more: Record<string, Record<string, readonly number[]>> = {}): Evidence =>
  toyEvidence(
    Object.fromEntries(
      layers.map((layer) => [
        layer,
        { 'expert-hits': { count: [0, 10, 20, 30] }, 'gate-weight-sums': { sum: [0, 2, 4, 6] }, ...more },
      ]),
    ),
  );

/** Layer l likes expert l % 4 best, then the ones after it in a circle; layers 4, 3, 2 .. are the cheapest. */
const distances = {
  experts: (layer: number, chosen: readonly number[]) => (chosen.at(-1)! - layer + 8) % 4,
  layers: (set: readonly number[]) => set.reduce((sum, layer) => sum + Math.abs(layer - 4.1), 0),
};

const needs = (given: object) => cdMoe.needs(model, parseOptions(cdMoe, given)).map(({ name }) => name);
const means = ['gate-weight-sums', 'expert-hits'];

describe('CD-MoE', () => {
  test('is a method and a refiner', () => {
    expect(plugin.compressors?.map(({ name }) => name)).toEqual(['cd-moe']);
    expect(plugin.refiners?.map(({ name }) => name)).toEqual(['cd-moe']);
  });

  test('measures what the weights need, and asks for a text where it searches', () => {
    expect(needs({ condenseLayers: 2 })).toEqual(means);
    expect(needs({ condenseLayers: 2, weights: 'least-squares' })).toEqual([
      ...means,
      'output-gram',
      'routed-sum-products',
    ]);
    expect(needs({ condenseLayers: 2, experts: 0 })).toEqual(['expert-hits']);
    expect(needs({ layers: [1], experts: 0 })).toEqual([]);
    expect(needs({ condenseLayers: 0 })).toEqual([]);
    expect(needs({ condenseLayers: 2, selection: { weights: { '0-0': 0.1 } } })).toEqual(['expert-hits']);
  });

  test('changes nothing where no layer is to be condensed', async () => {
    const context = { model, evidence: null, rng: createRng(0), tools: noTools };
    const options = parseOptions(cdMoe, { ratio: 0 });
    expect(await cdMoe.plan({ ...context, options })).toEqual({ layers: [] });
  });

  test('condenses the layers and keeps the experts that the searches find', async () => {
    const { plan, view } = await condense(
      model,
      { condenseLayers: 2, experts: 2 },
      { ...distances, evidence: measured() },
    );
    expect(partsOf(plan.layers)).toEqual({
      4: [
        [0, 0.06],
        [1, 0.2],
      ],
      5: [
        [1, 0.2],
        [2, 0.2],
      ],
    });
    expect(moeBlocks(view).map(({ index }) => index)).toEqual([1, 2, 3, 6]);
    const { details } = plan as { details: Record<string, unknown> };
    expect(details.order).toEqual([
      { layer: 4, distance: expect.closeTo(0.1) },
      { layer: 5, distance: expect.closeTo(1) },
    ]);
    expect(details.blockRuns).toEqual({ shared: 6 + 5, separate: 7 * 7 + 6 * 7 });
    expect((details.layers as unknown[])[0]).toEqual({
      layer: 1,
      experts: [1, 2],
      weights: [0.2, 0.2],
      distances: [0, 1],
      residual: null,
    });
  });

  test('condenses the layers it is told to without comparing any', async () => {
    const { plan } = await condense(
      model,
      { layers: [6, 1], experts: 1 },
      { experts: distances.experts, evidence: measured() },
    );
    expect(Object.keys(partsOf(plan.layers))).toEqual(['1', '6']);
    expect(plan.details.order).toEqual([
      { layer: 6, distance: null },
      { layer: 1, distance: null },
    ]);
  });

  test('compares layers without experts where none is kept', async () => {
    const { plan } = await condense(model, { condenseLayers: 1, experts: 0 }, { layers: distances.layers });
    expect(partsOf(plan.layers)).toEqual({ 4: [] });
  });

  test('fits weights to the routed sum', async () => {
    // Outputs at right angles, of lengths 1, 2, 3, 4; the routed sum is half of expert 1 and all of 2.
    const gram = [1, 0, 0, 0, 0, 4, 0, 0, 0, 0, 9, 0, 0, 0, 0, 16];
    const evidence = measured({
      'output-gram': { gram },
      'routed-sum-products': { products: [0, 2, 9, 0], square: [1 + 9] },
    });
    const options = { layers: [1], experts: 2, weights: 'least-squares' };
    const { plan } = await condense(model, options, { experts: distances.experts, evidence });
    const [[first, second]] = Object.values(partsOf(plan.layers)) as [[[number, number], [number, number]]];
    expect([first[0], second[0]]).toEqual([1, 2]);
    expect(first[1]).toBeCloseTo(0.5, 8);
    expect(second[1]).toBeCloseTo(1, 8);
    const [{ residual }] = plan.details.layers as unknown as [
      { residual: { before: number; after: number } },
    ];
    expect(residual.after).toBeCloseTo(0, 8);
    expect(residual.before).toBeCloseTo((0.3 ** 2 * 4 + 0.8 ** 2 * 9) / 10, 8);
  });

  test('lets slots that share an expert count once', async () => {
    const remap = {
      layer: 1,
      ops: [{ op: 'remap-slots' as const, slots: [0, 2, 2, 0].map((e): [number, number] => [1, e]) }],
    };
    const shared = applyLayers(model, [remap]);
    const evidence = toyEvidence({
      1: { 'expert-hits': { count: [10, 20] }, 'gate-weight-sums': { sum: [1, 4] } },
    });
    const { plan } = await condense(
      shared,
      { layers: [1], experts: 2 },
      { experts: distances.experts, evidence },
    );
    expect(partsOf(plan.layers)).toEqual({
      1: [
        [1, 0.2],
        [0, 0.1],
      ],
    });
  });
});

describe('warnings', () => {
  const warnings = async (toy: typeof model, chosen: number[], kept = 1) => {
    const known = { layers: [...chosen], experts: kept };
    const { plan } = await condense(toy, known, { experts: (_, set) => set.at(-1)!, evidence: measured() });
    return plan.warnings;
  };

  test('speak of fragile layers and of experts that no token chose', async () => {
    expect(await warnings(model, [2, 3])).toEqual([
      expect.stringMatching(/^2 kept experts were never selected by the router \(layer.expert 2.0, 3.0\)/),
    ]);
    expect(await warnings(model, [6, 2, 1])).toEqual([
      expect.stringMatching(/^Condensed layers 1, 6 are among the first and the last three/),
      expect.stringMatching(/^3 kept experts were never selected/),
    ]);
  });

  test('speak of models without shared experts', async () => {
    const plain = toyModel({ layers: 7, experts: 4, dense: [0] });
    expect((await warnings(plain, [3]))[0]).toMatch(/^There are no shared experts/);
  });
});
