import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Model, MoeFfn } from '../model/model.js';
import { measure, removedRatios } from '../model/size.js';
import { moeBlocks } from '../model/walk.js';
import { toyModel } from '../testing/toy-model.js';
import { toyPlan } from '../testing/toy-plan.js';
import { applyPlan } from './apply.js';
import type { LayerOp } from './schema.js';

const model = toyModel({ layers: 3, experts: 4, topK: 2, dense: [1] });

const keep = (...experts: number[]): LayerOp => ({ op: 'keep-experts', experts });
/** `'0.2'` is expert 2 of layer 0. */
const remap = (...refs: string[]): LayerOp => ({
  op: 'remap-slots',
  slots: refs.map((ref) => ref.split('.').map(Number) as [number, number]),
});
const apply = (layer: number, ...ops: LayerOp[]) => applyPlan(model, toyPlan(model, [{ layer, ops }]));
const ffnOf = (view: Model, layer: number) => moeBlocks(view).find((block) => block.index === layer)!.ffn;
/** The expert each slot computes with. */
const experts = ({ slots, pool }: MoeFfn) =>
  slots.map((entry) => `${pool[entry]!.origin.layer}.${pool[entry]!.origin.index}`);

function expectRefusal(run: () => unknown, code: string, message: string): void {
  expect(run).toThrow(expect.objectContaining({ code }));
  expect(run).toThrow(message);
}

describe('keep-experts', () => {
  test('keeps the named experts with their router rows, in ascending order', () => {
    const ffn = ffnOf(apply(0, keep(3, 0, 2)), 0);
    const before = ffnOf(model, 0);
    expect(ffn.pool).toEqual([before.pool[0], before.pool[2], before.pool[3]]);
    expect(ffn.slots).toEqual([0, 1, 2]);
    expect(ffn.router.weight).toMatchObject({ kind: 'rows', indices: [0, 2, 3], shape: [3, 8] });
    expect(ffn.router).toMatchObject({ topK: 2, normalise: false });
  });

  test('leaves every other layer alone and the base untouched', () => {
    const before = structuredClone(model);
    const view = apply(0, keep(0, 1));
    expect(view.blocks[1]).toBe(model.blocks[1]);
    expect(view.blocks[2]).toBe(model.blocks[2]);
    expect(model).toEqual(before);
  });

  test('the config tells the widest router', () => {
    const ops = [keep(0, 1, 2)];
    const everywhere = toyPlan(model, [
      { layer: 0, ops },
      { layer: 2, ops },
    ]);
    expect(apply(0, ...ops).config.experts).toBe(4);
    expect(applyPlan(model, everywhere).config.experts).toBe(3);
  });

  test('after a remap, slots that share an expert keep sharing it', () => {
    const ffn = ffnOf(apply(0, remap('0.0', '0.2', '0.2', '0.0'), keep(1, 2, 3)), 0);
    expect(ffn.pool).toHaveLength(2);
    expect(experts(ffn)).toEqual(['0.2', '0.2', '0.0']);
  });

  test('removes exactly the parameters of experts and router rows', () => {
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3], { minLength: 2 }), (kept) => {
        // H = 8, I = 6
        const removed = (4 - kept.length) * (3 * 6 * 8 + 8);
        const after = measure(apply(0, keep(...kept))).total.parameters;
        expect(after).toBe(measure(model).total.parameters - removed);
      }),
    );
  });

  test.each([
    ['a layer would keep fewer than top-k', [1], 'RATIO_TOO_HIGH', '1 experts would remain'],
    ['an expert does not exist', [0, 1, 4], 'PLAN_INVALID', 'There is no expert 4'],
    ['an expert is listed twice', [0, 1, 1], 'PLAN_INVALID', 'listed twice'],
  ])('throws if %s', (_, kept, code, message) => {
    expectRefusal(() => apply(0, keep(...kept)), code, message);
  });
});

describe('keep-experts under a grouped router', () => {
  const grouped = toyModel({ experts: 8, topK: 2 });
  const blocks = grouped.blocks.map((block) => {
    if (block.ffn.kind !== 'moe') return block;
    const { router } = block.ffn;
    const bias = { ...router.weight, shape: [8] } as typeof router.weight;
    const groups = { count: 4, selected: 2, by: 'max' } as const;
    return { ...block, ffn: { ...block.ffn, router: { ...router, bias, selectionBias: bias, groups } } };
  });
  const model = { ...grouped, blocks };
  const apply = (experts: number[]) =>
    applyPlan(model, toyPlan(model, [{ layer: 0, ops: [keep(...experts)] }]));

  test('cuts the biases with the weight', () => {
    const { router } = ffnOf(apply([0, 3, 4, 7]), 0);
    for (const tensor of [router.weight, router.bias, router.selectionBias]) {
      expect(tensor).toMatchObject({ kind: 'rows', indices: [0, 3, 4, 7] });
    }
    expect(router.groups).toMatchObject({ count: 4, selected: 2 });
  });

  test('refuses groups of different sizes', () => {
    expectRefusal(() => apply([0, 1, 2, 4]), 'PLAN_INVALID', 'equally many experts, not 2, 1, 1, 0');
  });

  test('leaves two experts where groups are judged by two', () => {
    const ffn = ffnOf(model, 0);
    const pairs = { ...ffn.router.groups!, by: 'top-2-sum' as const };
    const by2 = {
      ...model,
      blocks: blocks.map((b, i) =>
        i ? b : { ...b, ffn: { ...ffn, router: { ...ffn.router, groups: pairs } } },
      ),
    };
    const plan = toyPlan(by2, [{ layer: 0, ops: [keep(0, 2, 4, 6)] }]);
    expectRefusal(() => applyPlan(by2, plan), 'RATIO_TOO_HIGH', 'needs 2');
  });
});

describe('remap-slots', () => {
  test('lets slots share prototypes and leaves the router alone', () => {
    const ffn = ffnOf(apply(0, remap('0.3', '0.1', '0.1', '0.3')), 0);
    expect(ffn.pool.map((expert) => expert.origin.index)).toEqual([1, 3]);
    expect(ffn.slots).toEqual([1, 0, 0, 1]);
    expect(ffn.router).toBe(ffnOf(model, 0).router);
  });

  test('takes prototypes from another layer; they count once', () => {
    const view = apply(2, remap('0.0', '0.1', '0.2', '2.3'));
    expect(experts(ffnOf(view, 2))).toEqual(['0.0', '0.1', '0.2', '2.3']);
    expect(removedRatios(model, view).routed).toBe(3 / 8);
  });

  test('the identity gives an equal model', () => {
    const { headerHash } = model;
    expect({ ...apply(2, remap('2.0', '2.1', '2.2', '2.3')), headerHash }).toEqual(model);
    expect(applyPlan(model, toyPlan(model, []))).toEqual(model);
  });

  test('every slot computes with the expert the plan names, and the pool holds no other', () => {
    const ref = fc.tuple(fc.constantFrom(0, 2), fc.nat(3)).map(([layer, index]) => `${layer}.${index}`);
    fc.assert(
      fc.property(fc.array(ref, { minLength: 4, maxLength: 4 }), (named) => {
        const ffn = ffnOf(apply(0, remap(...named)), 0);
        expect(experts(ffn)).toEqual(named);
        expect(ffn.pool).toHaveLength(new Set(named).size);
      }),
    );
  });

  test.each([
    ['a slot is missing', ['0.0'], '1 slots for a router of 4'],
    ['an expert does not exist', ['0.0', '0.1', '0.2', '0.4'], 'There is no expert 4 in layer 0'],
    ['its layer has no experts', ['0.0', '0.1', '0.2', '1.0'], 'There is no expert 0 in layer 1'],
    ['its layer does not exist', ['0.0', '0.1', '0.2', '9.0'], 'There is no expert 0 in layer 9'],
  ])('throws if %s', (_, refs, message) => {
    expectRefusal(() => apply(0, remap(...refs)), 'PLAN_INVALID', message);
  });
});

describe('applyPlan', () => {
  test('refuses another base', () => {
    const plan = toyPlan(model, []);
    for (const other of [{ headerHash: 'c'.repeat(64) }, { architecture: 'olmoe' }]) {
      const run = () => applyPlan({ ...model, ...other }, plan);
      expectRefusal(run, 'PLAN_BASE_MISMATCH', 'The plan was made for toy');
    }
  });

  test('refuses for the base what was made from a view of it, and the other way round', () => {
    const first = toyPlan(model, [{ layer: 0, ops: [keep(0, 1, 2)] }]);
    const view = applyPlan(model, first);
    const second = toyPlan(view, [{ layer: 0, ops: [keep(0, 1)] }]);
    expect(ffnOf(applyPlan(view, second), 0).slots).toHaveLength(2);
    for (const [base, plan] of [
      [model, second],
      [view, first],
      [applyPlan(model, toyPlan(model, [{ layer: 0, ops: [keep(1, 2, 3)] }])), second],
    ] as const) {
      expectRefusal(() => applyPlan(base, plan), 'PLAN_BASE_MISMATCH', 'The plan was made for toy');
    }
  });

  test('does not care where the base lies', () => {
    const moved = { ...model, id: 'elsewhere', source: { ...model.source, directory: '/elsewhere' } };
    expect(applyPlan(moved, toyPlan(model, [])).id).toBe('elsewhere');
  });

  test.each([
    ['experts of a dense layer', 1, 'Layer 1 has no experts'],
    ['a layer beyond the last', 3, 'There is no layer 3'],
  ])('refuses %s', (_, layer, message) => {
    expectRefusal(() => apply(layer, keep(0, 1)), 'PLAN_INVALID', message);
  });

  test('refuses a layer twice', () => {
    const layer = { layer: 0, ops: [keep(0, 1)] };
    const run = () => applyPlan(model, toyPlan(model, [layer, layer]));
    expectRefusal(run, 'PLAN_INVALID', 'Layer 0 appears twice');
  });
});
