import { describe, expect, test } from 'vitest';
import type { MoeFfn, Router } from '../../model/model.js';
import { measure } from '../../model/size.js';
import { constantNumbers, encodeNumbers, lowestNumber } from '../../tensor/constant.js';
import { toyModel } from '../../testing/toy-model.js';
import { applyLayers } from '../apply.js';
import type { LayerOp } from '../schema.js';
import { constantOf } from './replace-by-constant.js';

const model = toyModel({ layers: 1, experts: 4, topK: 2 });
const apply = (...ops: LayerOp[]) => applyLayers(model, [{ layer: 0, ops }]);
const ffnOf = (...ops: LayerOp[]) => apply(...ops).blocks[0]!.ffn as MoeFfn;
const numbers = [1, 0.5, -2, 3, 0, 7, 8, 0.1];
const replace = (expert: number, values = encodeNumbers(numbers)): LayerOp => ({
  op: 'replace-by-constant',
  experts: [{ expert, values }],
});
const shift = (...bias: number[]): LayerOp => ({ op: 'shift-router', bias: encodeNumbers(bias) });

test('a constant takes the place of an expert, which keeps its slot and loses its matrices', () => {
  const { pool, slots } = ffnOf(replace(2));
  expect(slots).toEqual([0, 1, 2, 3]);
  expect(pool[2]).toMatchObject({ width: 0, origin: { layer: 0, index: 2 }, bias: { down: { shape: [8] } } });
  const { down } = pool[2]!.bias!;
  expect(down.kind === 'constant' && [...constantNumbers(down)]).toEqual(numbers.map(Math.fround));
  // H = 8, I = 6
  expect(measure(model).total.parameters - measure(apply(replace(2))).total.parameters).toBe(3 * 6 * 8 - 8);
});

test('a bias is added to the one there was, and cut with the experts', () => {
  const { router } = ffnOf(shift(1, 2, 3, 4), shift(0, 0, 1, 1), { op: 'keep-experts', experts: [1, 3] });
  expect(router.selectionBias).toMatchObject({
    kind: 'rows',
    indices: [1, 3],
    of: { kind: 'sum', factors: [1, 1] },
  });
});

test('the lowest numbers are those of their types', () => {
  expect(lowestNumber('F32')).toBe(-3.4028234663852886e38);
  expect(lowestNumber('BF16')).toBe(-3.3895313892515355e38);
});

describe('refuses', () => {
  test.each<[string, LayerOp, string]>([
    [
      'fewer numbers than the hidden size',
      replace(0, encodeNumbers([1])),
      'take 4 bytes, and 8 numbers take 32',
    ],
    ['bytes beside whole numbers', replace(0, Buffer.alloc(33).toString('base64')), 'take 33 bytes'],
    ['numbers that are none', replace(0, encodeNumbers([...numbers.slice(1), Number.NaN])), 'not all finite'],
    ['an expert that does not exist', replace(4), 'no expert 4'],
    ['a bias of fewer slots', shift(1, 2, 3), 'take 12 bytes'],
    ['an infinite bias', shift(1, 2, 3, Number.NEGATIVE_INFINITY), 'not all finite'],
  ])('%s', (_, op, message) => {
    expect(() => apply(op)).toThrow(message);
    expect(() => apply(op)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });

  test('numbers that are infinite once they are rounded', () => {
    const values = encodeNumbers([3.4e38]);
    expect(() => constantOf(values, { dtype: 'BF16', size: 1, where: 'plan' })).toThrow('too large for BF16');
    expect(constantOf(values, { dtype: 'F32', size: 1, where: 'plan' }).shape).toEqual([1]);
  });

  test('two constants for one expert', () => {
    const slots = [0, 0, 2, 3].map((e): [number, number] => [0, e]);
    const experts = [0, 1].map((expert) => ({ expert, values: encodeNumbers(numbers) }));
    expect(() => apply({ op: 'remap-slots', slots }, { op: 'replace-by-constant', experts })).toThrow(
      'Two of its slots share an expert',
    );
  });

  test.each<[string, Partial<Router>, LayerOp]>([
    ['constants where inputs are weighed', { weighs: 'input' }, replace(0)],
    ['a bias where two are weighed against each other', { mixerThreshold: 0.1 }, shift(1, 2, 3, 4)],
  ])('%s', (_, change, op) => {
    const [block] = model.blocks as [(typeof model.blocks)[number]];
    const ffn = block.ffn as MoeFfn;
    const base = { ...model, blocks: [{ ...block, ffn: { ...ffn, router: { ...ffn.router, ...change } } }] };
    expect(() => applyLayers(base, [{ layer: 0, ops: [op] }])).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }),
    );
  });
});
