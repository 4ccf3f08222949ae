import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MoeFfn } from '../../model/model.js';
import { measure } from '../../model/size.js';
import { toyModel } from '../../testing/toy-model.js';
import { toyPlan } from '../../testing/toy-plan.js';
import { applyPlan } from '../apply.js';
import type { LayerOp } from '../schema.js';
import { decodeIndices, encodeIndices } from './packed-indices.js';

const model = toyModel({ layers: 2, experts: 4, topK: 2 });

type Groups = Extract<LayerOp, { op: 'merge-experts' }>['groups'];

const merge = (...groups: Groups): LayerOp => ({ op: 'merge-experts', groups });
const apply = (...ops: LayerOp[]) =>
  applyPlan(model, toyPlan(model, [{ layer: 1, ops }])).blocks[1]!.ffn as MoeFfn;
const before = model.blocks[1]!.ffn as MoeFfn;

test('makes one expert of each group, which all their slots use', () => {
  const ffn = apply(merge({ experts: [3, 1], weights: [0.25, 0.75] }));
  expect(ffn.slots).toEqual([0, 1, 2, 1]);
  expect(ffn.pool.map(({ origin }) => origin.index)).toEqual([0, 3, 2]);
  expect(ffn.pool[1]!.up).toMatchObject({
    kind: 'sum',
    of: [before.pool[3]!.up, before.pool[1]!.up],
    factors: [0.25, 0.75],
  });
  expect(ffn.router).toBe(before.router);
});

test('puts the channels of an expert in an order, in all of its matrices', () => {
  const order = [5, 4, 3, 2, 1, 0];
  const permutations = [null, encodeIndices(order)];
  const { pool } = apply(merge({ experts: [0, 1], weights: [1, 1], permutations }));
  expect(pool[0]!.gate).toMatchObject({ of: [before.pool[0]!.gate, { kind: 'rows', indices: order }] });
  expect(pool[0]!.down).toMatchObject({ of: [before.pool[0]!.down, { kind: 'cols', indices: order }] });
});

test('a group of one with the weight 1 changes nothing', () => {
  expect(apply(merge({ experts: [2], weights: [1] }))).toEqual(before);
});

test('slots that shared an expert share what it becomes, and dropping slots leaves what was merged', () => {
  const remap: LayerOp = { op: 'remap-slots', slots: [0, 0, 2, 3].map((e): [number, number] => [1, e]) };
  const ffn = apply(remap, merge({ experts: [1, 2], weights: [0.5, 0.5] }), {
    op: 'keep-experts',
    experts: [0, 3],
  });
  expect(ffn.slots).toEqual([0, 1]);
  expect(ffn.pool[0]!.up.kind).toBe('sum');
});

test('removes exactly the parameters of the experts that are no more', () => {
  const partition = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 });
  fc.assert(
    fc.property(partition, (experts) => {
      const ops = [merge({ experts, weights: experts.map(() => 0.5) })];
      const view = applyPlan(model, toyPlan(model, [{ layer: 1, ops }]));
      const removed = (experts.length - 1) * 3 * 6 * 8;
      expect(measure(view).total.parameters).toBe(measure(model).total.parameters - removed);
    }),
  );
});

describe('refuses', () => {
  const remap: LayerOp = { op: 'remap-slots', slots: [0, 0, 2, 3].map((e): [number, number] => [1, e]) };
  const pair = { experts: [0, 1], weights: [1, 1] };
  test.each<[string, LayerOp[], string]>([
    ['an expert in two groups', [merge(pair, { experts: [1], weights: [1] })], 'listed twice'],
    ['an expert that does not exist', [merge({ experts: [4], weights: [1] })], 'no expert 4'],
    ['an expert by two of its slots', [remap, merge(pair)], 'share an expert'],
    [
      'an order that names a channel twice',
      [merge({ ...pair, permutations: [null, encodeIndices([0, 0, 1, 2, 3, 4])] })],
      'permutation',
    ],
    [
      'an order of fewer channels',
      [merge({ ...pair, permutations: [encodeIndices([0]), null] })],
      'permutation',
    ],
    ['half an index', [merge({ ...pair, permutations: ['AA==', null] })], 'no list of indices'],
  ])('%s', (_, ops, message) => {
    expect(() => apply(...ops)).toThrow(message);
    expect(() => apply(...ops)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });

  test('experts that another layer uses', () => {
    const slots = [0, 1, 2, 3].map((e): [number, number] => [e === 0 ? 1 : 0, e]);
    const plan = toyPlan(model, [
      { layer: 0, ops: [{ op: 'remap-slots', slots }] },
      { layer: 1, ops: [merge(pair)] },
    ]);
    expect(() => applyPlan(model, plan)).toThrow('serves layer 0');
  });
});

test('indices come back as they went', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(65535)), (indices) => {
      expect(decodeIndices(encodeIndices(indices), 'plan')).toEqual(indices);
    }),
  );
});
