import { describe, expect, test } from 'vitest';
import type { DenseFfn, Model } from '../../model/model.js';
import { measure, removedRatios } from '../../model/size.js';
import { tensorsByPath } from '../../model/tensors.js';
import type { TensorExpr } from '../../tensor/expr.js';
import { toyModel } from '../../testing/toy-model.js';
import { toyPlan } from '../../testing/toy-plan.js';
import { applyPlan } from '../apply.js';
import type { LayerOp } from '../schema.js';

const plain = toyModel();
const gated = toyModel({ shared: 10 });

type Parts = Extract<LayerOp, { op: 'condense' }>['parts'];
const single = (expert: number, scale: number) => ({ experts: [expert], shares: [1], scale });

function condensed(model: Model, parts: Parts, shared: number | null = null, align = 1): DenseFfn {
  const ops: LayerOp[] = [{ op: 'condense', parts, shared, align }];
  return applyPlan(model, toyPlan(model, [{ layer: 1, ops }])).blocks[1]!.ffn as DenseFfn;
}

const moe = (model: Model) => {
  const { ffn } = model.blocks[1]!;
  if (ffn.kind !== 'moe') throw new Error('no experts');
  return ffn;
};

describe('condense', () => {
  test('lays experts side by side, with their scales in the down projections', () => {
    const { mlp, shared } = condensed(plain, [single(3, 0.5), single(1, 1)]);
    const [third, first] = [moe(plain).pool[3]!, moe(plain).pool[1]!];
    expect(mlp.width).toBe(12);
    expect(mlp.gate).toMatchObject({ kind: 'concat', axis: 0, of: [third.gate, first.gate], shape: [12, 8] });
    expect(mlp.up).toMatchObject({ of: [third.up, first.up] });
    expect(mlp.down).toMatchObject({
      kind: 'concat',
      axis: 1,
      of: [{ kind: 'sum', of: [third.down], factors: [0.5] }, first.down],
      shape: [8, 12],
    });
    expect(shared).toBeNull();
  });

  test('takes no more parts, or experts in a part, than there are slots', () => {
    const { slots } = moe(plain);
    const all = slots.map((_, slot) => single(slot, 1));
    expect(condensed(plain, all).mlp.width).toBe(6 * slots.length);
    expect(() => condensed(plain, [...all, single(0, 1)])).toThrow(/scales and shares add up/);
    const long = Array(slots.length + 1).fill(0);
    expect(() => condensed(plain, [{ experts: long, shares: long, scale: 1 }])).toThrow(/add up/);
  });

  test('averages the experts of a part by their shares', () => {
    const { mlp } = condensed(plain, [{ experts: [0, 2], shares: [0.25, 0.75], scale: 1 }]);
    const [a, b] = [moe(plain).pool[0]!, moe(plain).pool[2]!];
    expect(mlp.width).toBe(6);
    expect(mlp.gate).toMatchObject({ kind: 'sum', of: [a.gate, b.gate], factors: [0.25, 0.75] });
    expect(mlp.down).toMatchObject({ kind: 'sum', of: [a.down, b.down], factors: [0.25, 0.75] });
  });

  test('leaves a gated shared expert beside the dense FFN, even alone', () => {
    const { shared } = moe(gated);
    expect(condensed(gated, [single(0, 1)])).toMatchObject({ mlp: { width: 6 }, shared });
    expect(condensed(gated, [])).toMatchObject({ mlp: { width: 0, gate: { shape: [0, 8] } }, shared });
  });

  test('takes a shared expert in whose gate is frozen, or that has none', () => {
    const { mlp, shared } = condensed(gated, [single(0, 1)], 0.4);
    expect(shared).toBeNull();
    expect(mlp).toMatchObject({ width: 16, down: { of: [{ kind: 'sum', factors: [0.4] }, {}] } });
    const ungated = {
      ...gated,
      blocks: gated.blocks.map((block) =>
        block.ffn.shared
          ? { ...block, ffn: { ...block.ffn, shared: { ...block.ffn.shared, gate: null } } }
          : block,
      ),
    } as Model;
    expect(condensed(ungated, []).mlp).toEqual(moe(ungated).shared!.mlp);
  });

  test('fills the width up with zeros', () => {
    const { mlp } = condensed(plain, [single(0, 1), single(1, 1)], null, 8);
    expect(mlp.width).toBe(16);
    expect(mlp.down.shape).toEqual([8, 16]);
    expect(mlp.gate).toMatchObject({ of: [{}, { kind: 'zeros', shape: [4, 8] }] });
  });

  test('adds biases up, those of the output by the scales', () => {
    const bias = (size: number): TensorExpr => ({ kind: 'zeros', dtype: 'F32', shape: [size] });
    const biased = {
      ...plain,
      blocks: plain.blocks.map((block) => {
        if (block.ffn.kind !== 'moe') return block;
        const pool = block.ffn.pool.map((expert) => ({
          ...expert,
          bias: { gate: bias(6), up: bias(6), down: bias(8) },
        }));
        return { ...block, ffn: { ...block.ffn, pool } };
      }),
    } as Model;
    const { mlp } = condensed(biased, [single(0, 0.5), single(1, 0.25)]);
    expect(mlp.bias).toMatchObject({
      gate: { shape: [12] },
      up: { shape: [12] },
      down: { kind: 'sum', factors: [0.5, 0.25], shape: [8] },
    });
  });

  test('gives the experts zeros where the shared expert alone has biases', () => {
    const bias = (size: number): TensorExpr => ({ kind: 'zeros', dtype: 'F32', shape: [size] });
    const own = { gate: bias(10), up: bias(10), down: bias(8) };
    const biased = {
      ...gated,
      blocks: gated.blocks.map((block) =>
        block.ffn.shared
          ? {
              ...block,
              ffn: { ...block.ffn, shared: { gate: null, mlp: { ...block.ffn.shared.mlp, bias: own } } },
            }
          : block,
      ),
    } as Model;
    const { mlp } = condensed(biased, [single(0, 0.5)]);
    expect(mlp.width).toBe(16);
    expect(mlp.bias).toMatchObject({
      gate: { of: [own.gate, { kind: 'zeros', shape: [6] }], shape: [16] },
      up: { shape: [16] },
      down: { kind: 'sum', of: [own.down, { kind: 'zeros', shape: [8] }], factors: [1, 0.5] },
    });
  });

  test('removes what it says: router and experts that are not named', () => {
    const view = applyPlan(
      plain,
      toyPlan(plain, [
        { layer: 1, ops: [{ op: 'condense', parts: [single(0, 1), single(2, 1)], shared: null, align: 1 }] },
      ]),
    );
    const removed = measure(plain).total.parameters - measure(view).total.parameters;
    expect(removed).toBe((4 - 2) * 3 * 8 * 6 + 4 * 8);
    // Two of the twelve experts are gone; the two that became a dense FFN are not.
    expect(removedRatios(plain, view).routed).toBeCloseTo(2 / 12, 12);
  });

  test.each<[string, () => unknown]>([
    ['There is no expert 4', () => condensed(plain, [single(4, 1)])],
    ['no shared expert to scale', () => condensed(plain, [single(0, 1)], 0.5)],
    [
      'Only keep-channels can follow condense',
      () => {
        const op: LayerOp = { op: 'condense', parts: [single(0, 1)], shared: null, align: 1 };
        return applyPlan(plain, toyPlan(plain, [{ layer: 1, ops: [op, op] }]));
      },
    ],
  ])('refuses: %s', (message, run) => {
    expect(run).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
    expect(run).toThrow(message);
  });

  test('has paths for its tensors', () => {
    const view = applyPlan(
      gated,
      toyPlan(gated, [
        { layer: 1, ops: [{ op: 'condense', parts: [single(0, 1)], shared: null, align: 1 }] },
      ]),
    );
    const paths = [...tensorsByPath(view).keys()].filter((path) => path.startsWith('blocks.1.ffn.'));
    expect(paths).toEqual(
      [
        'mlp.gate',
        'mlp.up',
        'mlp.down',
        'shared.mlp.gate',
        'shared.mlp.up',
        'shared.mlp.down',
        'shared.gate',
      ].map((path) => `blocks.1.ffn.${path}`),
    );
  });
});
