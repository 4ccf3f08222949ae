import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DenseFfn, Model } from '../../model/model.js';
import { measure, removedRatios } from '../../model/size.js';
import { moeBlocks } from '../../model/walk.js';
import { toyModel } from '../../testing/toy-model.js';
import { toyPlan } from '../../testing/toy-plan.js';
import { applyPlan } from '../apply.js';
import type { LayerOp } from '../schema.js';
import { decodeChannels, encodeChannels } from './keep-channels.js';

const where = 'plan';

describe('channel masks', () => {
  test('come back as they went, in ascending order', () => {
    const subset = fc
      .integer({ min: 1, max: 70 })
      .chain((width) => fc.tuple(fc.constant(width), fc.subarray([...Array(width).keys()])));
    fc.assert(
      fc.property(subset, ([width, kept]) => {
        expect(decodeChannels(encodeChannels(kept, width), width, where)).toEqual(kept);
      }),
    );
  });

  test('have the first channel in the lowest bit', () => {
    expect(encodeChannels([0, 9], 10)).toBe(Buffer.from([1, 2]).toString('base64'));
  });

  test.each([
    ['too short', encodeChannels([0], 8), 9],
    ['too long', encodeChannels([0], 9), 8],
    ['naming a channel that is not there', encodeChannels([6], 7), 6],
  ])('are refused when %s', (_, mask, width) => {
    expect(() => decodeChannels(mask, width, where)).toThrow(
      expect.objectContaining({ code: 'PLAN_INVALID', where }),
    );
  });
});

/** Every other channel. */
const half = encodeChannels([0, 2, 4, 6, 8, 10], 12);

describe('keep-channels of a dense FFN', () => {
  const model = toyModel({ layers: 2, dense: [0], width: 6 });
  const apply = (layer: number, ...ops: LayerOp[]) => applyPlan(model, toyPlan(model, [{ layer, ops }]));
  const mlpOf = (view: Model, layer: number) => (view.blocks[layer]!.ffn as DenseFfn).mlp;

  test('narrows it by one mask, and nothing else', () => {
    const view = apply(0, { op: 'keep-channels', channels: [half] });
    const { width, gate, up, down } = mlpOf(view, 0);
    expect(width).toBe(6);
    expect(gate).toMatchObject({ kind: 'rows', indices: [0, 2, 4, 6, 8, 10], shape: [6, 8] });
    expect(up.shape).toEqual([6, 8]);
    expect(down).toMatchObject({ kind: 'cols', indices: [0, 2, 4, 6, 8, 10], shape: [8, 6] });
    expect(view.blocks[1]).toBe(model.blocks[1]);
    expect(measure(model).denseFfns.parameters).toBe(2 * measure(view).denseFfns.parameters);
  });

  test('may follow condense', () => {
    const part = (expert: number) => ({ experts: [expert], shares: [1], scale: 0.5 });
    const condense: LayerOp = { op: 'condense', parts: [part(1), part(2)], shared: null, align: 1 };
    const view = apply(1, condense, { op: 'keep-channels', channels: [half] });
    expect(mlpOf(view, 1)).toMatchObject({ width: 6, gate: { kind: 'rows', of: { kind: 'concat' } } });
  });

  test('is refused with more than one mask', () => {
    const run = () => apply(0, { op: 'keep-channels', channels: [half, half] });
    expect(run).toThrow('2 masks for one dense FFN');
  });
});

describe('keep-channels', () => {
  const model = toyModel({ layers: 2, experts: 4, width: 6 });
  const masks = [[0, 5], [], [1, 2, 3], [0, 1, 2, 3, 4, 5]].map((kept) => encodeChannels(kept, 6));
  const apply = (...channels: string[]) =>
    applyPlan(model, toyPlan(model, [{ layer: 0, ops: [{ op: 'keep-channels', channels }] }]));

  test('narrows every expert by its own mask, and nothing else', () => {
    const view = apply(...masks);
    const [first, second] = moeBlocks(view);
    expect(first!.ffn.pool.map(({ width }) => width)).toEqual([2, 0, 3, 6]);
    const [narrow, , , whole] = first!.ffn.pool;
    expect(narrow!.gate).toMatchObject({ kind: 'rows', indices: [0, 5], shape: [2, 8] });
    expect(narrow!.down).toMatchObject({ kind: 'cols', indices: [0, 5], shape: [8, 2] });
    expect(whole).toEqual(moeBlocks(model)[0]!.ffn.pool[3]);
    expect(first!.ffn.router).toEqual(moeBlocks(model)[0]!.ffn.router);
    expect(second).toBe(model.blocks[1]);
    expect(removedRatios(model, view).routed).toBeCloseTo(13 / 48, 12);
  });

  test('cuts the biases of gate and up with them', () => {
    const block = moeBlocks(model)[0]!;
    const bias = { gate: model.finalNorm, up: model.finalNorm, down: model.finalNorm };
    const pool = block.ffn.pool.map((expert) => ({ ...expert, bias }));
    const biased = { ...model, blocks: [{ ...block, ffn: { ...block.ffn, pool } }, model.blocks[1]!] };
    const plan = toyPlan(biased, [{ layer: 0, ops: [{ op: 'keep-channels', channels: masks }] }]);
    const [narrow] = moeBlocks(applyPlan(biased, plan))[0]!.ffn.pool;
    expect(narrow!.bias!.gate!.shape).toEqual([2]);
    expect(narrow!.bias!.down).toBe(model.finalNorm);
  });

  test('is refused without a mask for every expert', () => {
    expect(() => apply(...masks.slice(1))).toThrow('3 masks for 4 experts');
  });

  test('is refused for an expert that another layer uses, too', () => {
    const slots = [0, 1, 2, 3].map((slot): [number, number] => [0, slot]);
    const plan = toyPlan(model, [
      { layer: 0, ops: [{ op: 'keep-channels', channels: masks }] },
      { layer: 1, ops: [{ op: 'remap-slots', slots }] },
    ]);
    expect(() => applyPlan(model, plan)).toThrow('serves layer 1');
  });
});
