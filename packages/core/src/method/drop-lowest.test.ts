import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Evidence } from '../evidence/evidence.js';
import type { Model, RouterGroups } from '../model/model.js';
import { removedRatios } from '../model/size.js';
import { moeBlocks } from '../model/walk.js';
import { applyLayers, applyPlan } from '../plan/apply.js';
import { toyEvidence } from '../testing/toy-evidence.js';
import { toyModel } from '../testing/toy-model.js';
import { toyPlan } from '../testing/toy-plan.js';
import { noTools } from '../testing/toy-tools.js';
import { buildPlan } from './build-plan.js';
import { type DropOptions, dropLowest } from './drop-lowest.js';
import { createRng } from './rng.js';
import type { Scorer } from './scorer.js';

/** Ranks the experts of every layer by the same given numbers. */
const given = (...scores: number[]): Scorer => ({
  name: 'given',
  title: 'Given',
  reference: 'none',
  needs: [],
  score: () => Float64Array.from(scores),
});

const random: Scorer = {
  ...given(),
  name: 'random',
  score: (_, { ffn, rng }) => Float64Array.from(rng.permutation(ffn.pool.length)),
};

/** The context a method without tools gets. */
const context = (model: Model, options: DropOptions) => ({
  model,
  options,
  evidence: null,
  rng: createRng(options.seed),
  tools: noTools,
});

/** The same model with routers that select within groups. */
function grouped(model: Model, groups: RouterGroups): Model {
  const blocks = moeBlocks(model).map((block) => {
    const { ffn } = block;
    return { ...block, ffn: { ...ffn, router: { ...ffn.router, groups } } };
  });
  return { ...model, blocks };
}

/** Experts kept by layer. */
async function kept(scorer: Scorer, model: Model, ratio: number, seed = 0) {
  const { layers } = await dropLowest(scorer).plan(context(model, { ratio, seed }));
  return layers.map(({ layer, ops }) => [layer, ops[0]?.op === 'keep-experts' ? ops[0].experts : []]);
}

describe('dropLowest', () => {
  test('drops the lowest of every MoE layer', async () => {
    const model = toyModel({ layers: 3, dense: [1] });
    expect(await kept(given(0.5, 0.1, 0.9, 0.3), model, 0.5)).toEqual([
      [0, [0, 2]],
      [2, [0, 2]],
    ]);
  });

  test('of equal experts drops the one with the higher index', async () => {
    expect(await kept(given(1, 0, 1, 0), toyModel({ layers: 1 }), 0.25)).toEqual([[0, [0, 1, 2]]]);
    expect(await kept(given(1, 1, 1, 1), toyModel({ layers: 1 }), 0.5)).toEqual([[0, [0, 1]]]);
  });

  test('rounds the number of dropped experts down', async () => {
    const model = toyModel({ layers: 1, experts: 5 });
    expect(await kept(given(1, 2, 3, 4, 5), model, 0.59)).toEqual([[0, [2, 3, 4]]]);
    expect(await kept(given(1, 2, 3, 4, 5), model, 0.19)).toEqual([]);
  });

  test('drops equally many experts of every group the router selects within', async () => {
    const model = grouped(toyModel({ layers: 1, experts: 8, topK: 2 }), { count: 2, selected: 1, by: 'max' });
    expect(await kept(given(8, 7, 6, 5, 1, 2, 3, 4), model, 0.5)).toEqual([[0, [0, 1, 6, 7]]]);
    // Half of an expert per group rounds down to none, although the same share of the layer would be one expert.
    expect(await kept(given(8, 7, 6, 5, 1, 2, 3, 4), model, 0.2)).toEqual([]);
  });

  describe('with routers that select within groups', () => {
    const groups = { count: 2, selected: 1, by: 'max' } as const;
    const model = grouped(toyModel({ layers: 1, experts: 8, topK: 2 }), groups);
    const scorer = given(8, 7, 6, 5, 1, 2, 3, 4);
    const plan = (options: DropOptions) => dropLowest(scorer).plan(context(model, options));

    test('says that each group loses its own', async () => {
      const { warnings } = await plan({ ratio: 0.5, seed: 0 });
      expect(warnings).toEqual([expect.stringContaining('the lowest experts of each group go')]);
      expect((await plan({ ratio: 0.2, seed: 0 })).warnings).toEqual([expect.stringContaining('0.0 % of')]);
    });

    test('drops the lowest of the layer when asked to, and lets routers select without groups', async () => {
      const { layers, warnings } = await plan({ ratio: 0.5, seed: 0, acrossGroups: true });
      expect(layers).toEqual([
        { layer: 0, ops: [{ op: 'keep-experts', experts: [0, 1, 2, 3], ungrouped: true }] },
      ]);
      expect(warnings).toEqual([expect.stringContaining('They select among all that stay now')]);
      const [block] = moeBlocks(applyPlan(model, toyPlan(model, layers)));
      expect(block!.ffn.router.groups).toBeNull();
      expect(block!.ffn.slots).toHaveLength(4);
    });

    test('has room for the top-k of the layer then', () => {
      const needs = (ratio: number) =>
        dropLowest(random).needs(model, { ratio, seed: 0, acrossGroups: true });
      expect(needs(0.75)).toEqual([]);
      expect(() => needs(0.9)).toThrow(expect.objectContaining({ code: 'RATIO_TOO_HIGH' }));
    });

    test('changes nothing where routers select from all', async () => {
      const plain = toyModel({ layers: 1, experts: 4, topK: 1 });
      const of = (options: DropOptions) => dropLowest(given(1, 2, 3, 4)).plan(context(plain, options));
      expect(await of({ ratio: 0.5, seed: 0, acrossGroups: true })).toEqual(
        await of({ ratio: 0.5, seed: 0 }),
      );
    });
  });

  test('warns when whole experts miss the ratio by far', async () => {
    const model = toyModel({ layers: 2, experts: 8, topK: 2 });
    const warnings = async (ratio: number) =>
      (await dropLowest(random).plan(context(model, { ratio, seed: 0 }))).warnings;
    expect(await warnings(0.3)).toEqual([
      '25.0 % of the routed experts go, where 30.0 % were asked for: only whole experts of a layer go.',
    ]);
    expect(await warnings(0.25)).toEqual([]);
  });

  test('makes a plan that removes what was asked for', () => {
    const sizes = fc.record({
      experts: fc.integer({ min: 2, max: 12 }),
      ratio: fc.double({ min: 0, max: 0.8, noNaN: true }),
    });
    return fc.assert(
      fc.asyncProperty(sizes, async ({ experts, ratio }) => {
        const model = toyModel({ layers: 2, experts, topK: 1 });
        const compressor = dropLowest(random);
        const options = { ratio, seed: 1 };
        const decision = await compressor.plan(context(model, options));
        const origin = { package: 'x', version: '0' };
        const plan = buildPlan({ model, compressor, origin, options, calibration: null, decision });
        const { routed } = removedRatios(model, applyPlan(model, plan));
        expect(routed).toBeCloseTo(Math.floor(experts * ratio) / experts, 12);
        const outlined = applyLayers(model, compressor.outline!(model, options));
        expect(removedRatios(model, outlined).routed).toBe(routed);
      }),
    );
  });

  test('refuses a ratio that leaves fewer experts than top-k, before anything is measured', async () => {
    const model = toyModel({ experts: 4, topK: 2 });
    const compressor = dropLowest(random);
    const tooHigh = expect.objectContaining({ code: 'RATIO_TOO_HIGH', where: 'options.ratio' });
    expect(() => compressor.needs(model, { ratio: 0.75, seed: 0 })).toThrow(tooHigh);
    await expect(compressor.plan(context(model, { ratio: 0.75, seed: 0 }))).rejects.toEqual(tooHigh);
    expect(compressor.needs(model, { ratio: 0.5, seed: 0 })).toEqual([]);
  });

  test.each([
    // Top-2 from one group needs two experts in each group. If both groups could be selected, one would be enough,
    // except for the group scores, which are sums of two.
    [{ count: 2, selected: 1, by: 'max' }, 0.5, 0.75],
    [{ count: 2, selected: 2, by: 'top-2-sum' }, 0.5, 0.75],
  ] as const)('knows what groups %o need', (groups, possible, tooHigh) => {
    const model = grouped(toyModel({ layers: 1, experts: 8, topK: 2 }), groups);
    const needs = (ratio: number) => dropLowest(random).needs(model, { ratio, seed: 0 });
    expect(needs(possible)).toEqual([]);
    expect(() => needs(tooHigh)).toThrow(expect.objectContaining({ code: 'RATIO_TOO_HIGH' }));
  });

  test('refuses a model whose slots share experts, before anything is measured', () => {
    const model = toyModel({ layers: 1, topK: 1 });
    const [block] = moeBlocks(model);
    const ffn = { ...block!.ffn, pool: block!.ffn.pool.slice(0, 2), slots: [0, 1, 1, 0] };
    const shared = { ...model, blocks: [{ ...block!, ffn }] };
    expect(() => dropLowest(random).needs(shared, { ratio: 0.5, seed: 0 })).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }),
    );
  });

  test('refuses a model without experts', () => {
    const needs = () =>
      dropLowest(random).needs(toyModel({ layers: 1, dense: [0] }), { ratio: 0.5, seed: 0 });
    expect(needs).toThrow('has no routed experts');
  });

  test('refuses scores that are not numbers', async () => {
    await expect(kept(given(1, Number.NaN, 2, 3), toyModel(), 0.5)).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FINITE',
      message: 'The given score of expert 1 is NaN.',
      where: 'layer 0',
    });
  });

  test('says which scorer gave too few scores', async () => {
    await expect(kept(given(1, 2, 3), toyModel(), 0.5)).rejects.toThrow('given gave 3 scores for 4 experts');
  });

  test('hands a scorer that measures something the evidence of each layer', async () => {
    const tokens: Scorer = {
      ...given(),
      needs: [{ name: 'tokens', version: 1, pass: 'forward', collect: () => ({}) }],
      score: (layer) => layer.read(tokens.needs[0]!, 'count'),
    };
    const evidence = toyEvidence({
      0: { tokens: { count: [1, 2, 3, 4] } },
      1: { tokens: { count: [4, 3, 2, 1] } },
    });
    const base = context(toyModel({ layers: 2 }), { ratio: 0.5, seed: 0 });
    const { layers } = await dropLowest(tokens).plan({ ...base, evidence });
    expect(layers.map(({ ops }) => ops[0])).toEqual([
      { op: 'keep-experts', experts: [2, 3] },
      { op: 'keep-experts', experts: [0, 1] },
    ]);
    await expect(dropLowest(tokens).plan(base)).rejects.toThrow('no evidence for the experts of layer 0');
  });

  describe('with a budget', () => {
    const byLayer: Scorer = {
      ...given(),
      needs: [{ name: 'tokens', version: 1, pass: 'forward', collect: () => ({}) }],
      score: (layer) => layer.read(byLayer.needs[0]!, 'count'),
    };
    const model = toyModel({ layers: 2, experts: 4, topK: 1 });
    const measured = (first: number[], second: number[], max: number[][] = [[], []]) =>
      toyEvidence({
        0: { tokens: { count: first }, 'output-maxima': { max: max[0]! } },
        1: { tokens: { count: second }, 'output-maxima': { max: max[1]! } },
      });
    const keptBy = async (own: Partial<DropOptions>, evidence: Evidence, domains?: Evidence[]) => {
      const options = { ratio: 0.5, seed: 0, ...own };
      const compressor = dropLowest(byLayer);
      compressor.needs(model, options);
      const decision = await compressor.plan({ ...context(model, options), evidence, domains });
      return decision.layers.map(({ layer, ops }) => [
        layer,
        ops[0]?.op === 'keep-experts' && ops[0].experts,
      ]);
    };
    const rising = measured([1, 2, 3, 4], [5, 6, 7, 8]);

    test('of the model as a whole, drops as many in all', async () => {
      expect(await keptBy({ budget: 'global' }, rising)).toEqual([
        [0, [3]],
        [1, [1, 2, 3]],
      ]);
    });

    test('that sets the size, takes no ratio, and one must say it', async () => {
      const budget = { name: 'coverage', share: 0.7 };
      const compressor = dropLowest(byLayer);
      const { layers } = await compressor.plan({ ...context(model, { seed: 0, budget }), evidence: rising });
      expect(layers.map(({ ops }) => ops[0])).toEqual([
        { op: 'keep-experts', experts: [2, 3] },
        { op: 'keep-experts', experts: [1, 2, 3] },
      ]);
      for (const options of [{ ratio: 0.5, seed: 0, budget }, { seed: 0 }, { seed: 0, budget: 'global' }]) {
        expect(() => compressor.needs(model, options)).toThrow(
          expect.objectContaining({ code: 'OPTIONS_INVALID', where: 'options.ratio' }),
        );
      }
    });

    test('over several sets, keeps what each needs', async () => {
      const other = measured([4, 3, 2, 1], [8, 7, 6, 5]);
      expect(dropLowest(byLayer).comparesSets!({ ratio: 0.5, seed: 0, budget: 'max-min' })).toBe(true);
      expect(await keptBy({ budget: 'max-min' }, rising, [other])).toEqual([
        [0, [0, 3]],
        [1, [0, 3]],
      ]);
      expect(() => dropLowest(random).needs(model, { ratio: 0.5, seed: 0, budget: 'max-min' })).toThrow(
        'random measures nothing',
      );
    });

    test('has an outline of layers that differ, as large as the plan', () => {
      const options = { ratio: 0.5, seed: 0, budget: 'global' };
      const outlined = applyLayers(model, dropLowest(byLayer).outline!(model, options));
      const counts = moeBlocks(outlined).map(({ ffn }) => ffn.slots.length);
      expect(new Set(counts).size).toBe(2);
      expect(counts[0]! + counts[1]!).toBe(4);
    });

    test('keeps super experts, and says which they are', async () => {
      const maxima = [
        [900, 1, 1, 1],
        [1, 1, 1, 1],
      ];
      const evidence = measured([1, 2, 3, 4], [5, 6, 7, 8], maxima);
      const options = { ratio: 0.5, seed: 0, keepSuperExperts: true };
      const decision = await dropLowest(byLayer).plan({ ...context(model, options), evidence });
      expect(decision.layers.map(({ ops }) => ops[0])).toEqual([
        { op: 'keep-experts', experts: [0, 3] },
        { op: 'keep-experts', experts: [2, 3] },
      ]);
      expect(decision.details).toMatchObject({ superExperts: [[0, 0]] });
    });

    test('refuses more than all routers leave room for, before anything is measured', () => {
      const tight = toyModel({ layers: 2, experts: 4, topK: 3 });
      expect(() => dropLowest(byLayer).needs(tight, { ratio: 0.5, seed: 0, budget: 'global' })).toThrow(
        expect.objectContaining({ code: 'RATIO_TOO_HIGH' }),
      );
    });
  });

  test('stops when asked to', async () => {
    const stopped = { ...context(toyModel(), { ratio: 0.5, seed: 0 }), signal: AbortSignal.abort() };
    await expect(dropLowest(random).plan(stopped)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
