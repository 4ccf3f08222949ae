import { applyPlan, encodeChannels } from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { budgetOf, checkBudgets, nameLayers, scopesOf } from './scopes.js';

describe('scopesOf', () => {
  test('groups neighbouring MoE layers, passing over dense ones, with a smaller last scope', () => {
    const model = toyModel({ layers: 6, experts: 3, dense: [2] });
    const scopes = scopesOf(model, 2);
    expect(scopes.map(({ layers }) => layers)).toEqual([[0, 1], [3, 4], [5]]);
    expect(scopes[1]!.members.map(({ layer, index }) => `${layer}.${index}`)).toEqual([
      '3.0',
      '3.1',
      '3.2',
      '4.0',
      '4.1',
      '4.2',
    ]);
    expect(scopes.map(({ selected }) => selected)).toEqual([4, 4, 2]);
  });

  test('every expert belongs to exactly one scope', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 12 }), (layers, size) => {
        const scopes = scopesOf(toyModel({ layers, experts: 2 }), size);
        expect(scopes.flatMap((scope) => scope.layers)).toEqual([...Array(layers).keys()]);
        expect(scopes.flatMap((scope) => scope.members)).toHaveLength(2 * layers);
        expect(scopes.slice(0, -1).every((scope) => scope.layers.length === size)).toBe(true);
      }),
    );
  });
});

describe('budgets', () => {
  test.each([
    [64, 1, 0.25, 48],
    [64, 1, 0.5, 32],
    [128, 4, 0.25, 384],
    [128, 4, 0.5, 256],
    [5, 1, 0.5, 3],
    [4, 1, 0.99, 1],
  ])('%i experts, scope %i, ratio %d: %i prototypes', (experts, layers, ratio, prototypes) => {
    const [scope] = scopesOf(toyModel({ layers, experts, topK: 1 }), layers);
    expect(budgetOf(scope!, ratio)).toBe(prototypes);
  });

  test('as many prototypes as the routers select is enough, fewer is an error', () => {
    const model = toyModel({ layers: 3, experts: 8, topK: 2 });
    expect(() => checkBudgets(model, 0.75, 1)).not.toThrow();
    expect(() => checkBudgets(model, 0.75, 2)).not.toThrow();
    expect(() => checkBudgets(model, 0.85, 2)).toThrow(
      expect.objectContaining({
        code: 'RATIO_TOO_HIGH',
        message:
          'At ratio 0.85 the 16 experts of layers 0 to 1 would share 2 prototypes, but the routers select 4.',
      }),
    );
  });

  test('a model without experts is an error', () => {
    expect(() => checkBudgets(toyModel({ layers: 1, dense: [0] }), 0.5, 1)).toThrow('no routed experts');
  });

  test('layers are named for the reader', () => {
    expect(nameLayers([3])).toBe('layer 3');
    expect(nameLayers([3, 4, 6])).toBe('layers 3 to 6');
  });
});

test('experts of different widths cannot be compared', () => {
  const model = toyModel({ layers: 1, experts: 4 });
  const channels = [5, 6, 6, 6].map((width) => encodeChannels([...Array(width).keys()], 6));
  const ragged = applyPlan(model, toyPlan(model, [{ layer: 0, ops: [{ op: 'keep-channels', channels }] }]));
  expect(() => checkBudgets(ragged, 0.5, 1)).toThrow(
    expect.objectContaining({ code: 'CONFIG_UNSUPPORTED', message: expect.stringContaining('from 5 to 6') }),
  );
  expect(() => checkBudgets(ragged, 0, 1)).not.toThrow();
});
