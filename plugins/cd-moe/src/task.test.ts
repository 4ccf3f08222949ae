import { type Model, parseOptions } from '@moepress/core';
import { toyModel } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { cdMoe } from './compressor.js';
import { taskOf } from './task.js';

/** Decoder layers 1, 2 and 4 have 8 experts, of which the router selects 3. */
const plain = toyModel({ layers: 5, experts: 8, topK: 3, dense: [0, 3] });
const shared = toyModel({ layers: 5, experts: 8, topK: 3, dense: [0, 3], shared: 4 });

const task = (model: Model, given: object) => taskOf(model, parseOptions(cdMoe, given));
const refusal = (model: Model, given: object) => {
  try {
    task(model, given);
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return 'none';
};

describe('what the options ask for', () => {
  test('keeps 6 experts beside shared ones, else as many as the router selects', () => {
    expect(task(shared, { condenseLayers: 1 }).kept).toBe(6);
    expect(task(plain, { condenseLayers: 1 }).kept).toBe(3);
    expect(task(toyModel({ experts: 4, shared: 2 }), { condenseLayers: 1 }).kept).toBe(4);
    expect(task(shared, { condenseLayers: 1, experts: 0 }).kept).toBe(0);
  });

  test.each([
    // A layer loses 5 of 8 experts, of three layers: 5 / 24 = 0.208.
    [0, 0],
    [0.01, 1],
    [0.3, 1],
    [0.32, 2],
    [0.6, 3],
  ])('the ratio %d condenses %d layers', (ratio, count) => {
    expect(task(plain, { ratio }).count).toBe(count);
  });

  test('a smaller ratio of the whole model needs as many layers', () => {
    expect(task(plain, { ratio: 0.3, ratioOf: 'model' }).count).toBeGreaterThan(
      task(plain, { ratio: 0.3 }).count,
    );
  });

  test('counts the MoE layers of a selection as the released files do', () => {
    const { layers, experts, weights } = task(shared, {
      condenseLayers: 2,
      experts: 2,
      selection: {
        layers: [2, 0, 1],
        experts: { 2: [5, 1, 0], 0: [3, 4] },
        weights: { '2-5': [7, 70, 0.1], '0-3': 0.2 },
      },
    });
    expect(layers).toEqual([4, 1]);
    expect([...experts]).toEqual([
      [1, [3, 4]],
      [4, [5, 1]],
    ]);
    expect([weights!.get(4)![5], weights!.get(1)![3], weights!.get(2)![0]]).toEqual([0.1, 0.2, Number.NaN]);
  });

  test('all layers of a selection unless something says how many', () => {
    expect(task(shared, { selection: { layers: [2, 0] } }).count).toBe(2);
    expect(task(shared, { layers: [2] })).toMatchObject({ count: 1, layers: [2] });
  });

  test.each([
    [shared, {}, /OPTIONS_INVALID: Give one of ratio, condenseLayers and layers/],
    [shared, { ratio: 0.5, layers: [1] }, /OPTIONS_INVALID: Give one of/],
    [toyModel({ dense: [0, 1, 2] }), { condenseLayers: 1 }, /INPUT_INVALID: toy has no routed experts/],
    [shared, { condenseLayers: 4 }, /RATIO_TOO_HIGH: The model has 3 layers/],
    [plain, { ratio: 0.75 }, /RATIO_TOO_HIGH: All 3 layers condensed to 3 experts would remove 62.5 %/],
    [plain, { condenseLayers: 1, experts: 0 }, /OPTIONS_INVALID: There are no shared experts/],
    [
      shared,
      { condenseLayers: 1, experts: 9 },
      /OPTIONS_INVALID: A layer has 8 experts, so 9 cannot be kept/,
    ],
    [shared, { layers: [0] }, /OPTIONS_INVALID: Decoder layer 0 has no experts/],
    [shared, { layers: [1, 1] }, /OPTIONS_INVALID: A layer is listed twice/],
    [shared, { condenseLayers: 2, selection: { layers: [1] } }, /OPTIONS_INVALID: It orders 1 layers, and 2/],
    [
      shared,
      { layers: [1], selection: { experts: { 0: [1] } } },
      /OPTIONS_INVALID: It has 1 experts for decoder layer 1, and 6/,
    ],
    [shared, { selection: { layers: [3] } }, /OPTIONS_INVALID: There is no MoE layer 3; the model has 3/],
    [
      shared,
      { layers: [1], selection: { experts: { 0: [8] } } },
      /OPTIONS_INVALID: MoE layer 0 has no expert 8/,
    ],
    [
      shared,
      { layers: [1], selection: { experts: { 0: [2, 2] } } },
      /OPTIONS_INVALID: MoE layer 0 lists an expert twice/,
    ],
    [
      shared,
      { layers: [1], selection: { experts: { first: [2] } } },
      /OPTIONS_INVALID: must be the number of an MoE layer|Invalid key/,
    ],
  ])('refuses what it cannot do (%#)', (model, given, expected) => {
    expect(refusal(model, given)).toMatch(expected);
  });
});
