import {
  applyPlan,
  createRng,
  encodeChannels,
  type Model,
  measure,
  moeBlocks,
  parseOptions,
  removedRatios,
} from '@moepress/core';
import { noTools, toyModel, toyPlan } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { fisherMoe } from './compressor.js';
import plugin from './index.js';
import { scorers } from './scorers.js';
import { compress, evidenceFor, keptIn, ragged, widthsIn } from './support.test.util.js';

const model = toyModel({ layers: 2, experts: 2, topK: 1, width: 4 });
/** Layer 0 matters more than layer 1, and in each the first expert more than the second. */
const falling = [
  [16, 14, 15, 13, 9, 10, 11, 12],
  [8, 7, 6, 5, 1, 2, 3, 4],
];

const kept = async (base: Model, options: object, scores = falling) =>
  keptIn(applyPlan(base, await compress(base, options, scores)));

describe('Fisher-MoE', () => {
  test('at ratio 0 changes nothing and measures nothing', async () => {
    const plan = await compress(model, { ratio: 0 }, falling);
    expect(plan.layers).toEqual([]);
    expect(fisherMoe.needs(model, parseOptions(fisherMoe, { ratio: 0 }))).toEqual([]);
  });

  test('by default narrows all experts alike', async () => {
    expect(await kept(model, { ratio: 0.5 })).toEqual([
      [
        [0, 2],
        [2, 3],
      ],
      [
        [0, 1],
        [2, 3],
      ],
    ]);
  });

  test('per layer, lets the better expert keep more', async () => {
    expect(await kept(model, { ratio: 0.5, budget: 'layer' })).toEqual([
      [[0, 1, 2, 3], []],
      [[0, 1, 2, 3], []],
    ]);
  });

  test('per model, lets the better layer keep more', async () => {
    expect(await kept(model, { ratio: 0.6, budget: 'model' })).toEqual([
      [
        [0, 1, 2, 3],
        [1, 2, 3],
      ],
      [[], []],
    ]);
  });

  test.each(['expert', 'layer', 'model'])('per %s, of equal channels the first go first', async (budget) => {
    const equal = [Array(8).fill(1), Array(8).fill(1)];
    const flat = (await kept(model, { ratio: 0.25, budget }, equal)).flat(2);
    const first = {
      expert: [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3],
      layer: [2, 3, 0, 1, 2, 3, 2, 3, 0, 1, 2, 3],
      model: [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3],
    }[budget];
    expect(flat).toEqual(first);
  });

  test('removes 3 H parameters a channel, and nothing else', async () => {
    const wide = toyModel({ layers: 3, experts: 4, width: 8, hidden: 8, dense: [1], shared: 4 });
    const scores = [Array.from({ length: 32 }, (_, i) => i), Array.from({ length: 32 }, (_, i) => 32 - i)];
    const view = applyPlan(wide, await compress(wide, { ratio: 0.7 }, scores));
    const removed = 3 * 8 * Math.trunc(8 * 0.7) * 4 * 2;
    const [before, after] = [measure(wide), measure(view)];
    expect(before.routedExperts.parameters - after.routedExperts.parameters).toBe(removed);
    expect(before.total.parameters - after.total.parameters).toBe(removed);
    expect(moeBlocks(view).map(({ ffn }) => ffn.router)).toEqual(
      moeBlocks(wide).map(({ ffn }) => ffn.router),
    );
  });

  test('keeps a floor in every expert', async () => {
    const plan = await compress(model, { ratio: 0.5, budget: 'model', floor: 1 }, falling);
    expect(keptIn(applyPlan(model, plan))).toEqual([
      [
        [0, 1, 2, 3],
        [2, 3],
      ],
      [[0], [3]],
    ]);
  });

  test('keeps the best channels of the model though an expert gives less then', async () => {
    const plan = await compress(model, { ratio: 0.75, protectTop: 3 }, falling);
    expect(keptIn(applyPlan(model, plan))).toEqual([
      [[0, 1, 2], [3]],
      [[0], [3]],
    ]);
    expect(plan.warnings).toEqual([expect.stringMatching(/^2 channels stay beyond the budget/)]);
  });

  test('drops exactly the best channels of the model', async () => {
    const plan = await compress(model, { ratio: 0, dropTop: 5 }, falling);
    expect(keptIn(applyPlan(model, plan))).toEqual([
      [[], [0, 1, 2]],
      [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
    ]);
    expect(plan.layers.map(({ layer }) => layer)).toEqual([0]);
  });

  test('narrows again what is narrow already, by the ratio of what is left', async () => {
    const base = ragged(model, [
      [4, 2],
      [0, 2],
    ]);
    const scores = [
      [4, 3, 2, 1, 8, 7],
      [5, 6],
    ];
    const view = applyPlan(base, await compress(base, { ratio: 0.5, budget: 'model' }, scores));
    expect(widthsIn(view)).toEqual([
      [0, 2],
      [0, 2],
    ]);
    expect(removedRatios(base, view).routed).toBe(0.5);
    const each = applyPlan(base, await compress(base, { ratio: 0.5 }, scores));
    expect(keptIn(each)).toEqual([
      [[0, 1], [0]],
      [[], [1]],
    ]);
  });

  test('rounds widths to multiples and tells what that costs', async () => {
    const wide = toyModel({ layers: 1, experts: 2, topK: 1, width: 128, hidden: 2 });
    const scores = [Array.from({ length: 256 }, (_, i) => i)];
    const plan = await compress(wide, { ratio: 0.4, align: 64 }, scores);
    expect(widthsIn(applyPlan(wide, plan))).toEqual([[64, 64]]);
    // 128 - int(128 * 0.4) = 77 channels of 3 * 2 weights of 4 bytes.
    expect(plan.details.alignment).toEqual({ channels: -26, bytes: -26 * 24 });
    expect(plan.warnings).toEqual([]);
  });

  test('removes whole blocks, and tells what that costs', async () => {
    const wide = toyModel({ layers: 1, experts: 2, topK: 1, width: 8, hidden: 2 });
    // Pairs of the first expert sum up to 10, 2, 6 and 4; the second has an equal score for all.
    const scores = [[9, 1, 0, 2, 3, 3, 4, 0, ...Array(8).fill(1)]];
    const plan = await compress(wide, { ratio: 0.5, blocks: 2 }, scores);
    expect(keptIn(applyPlan(wide, plan))).toEqual([
      [
        [0, 1, 4, 5],
        [4, 5, 6, 7],
      ],
    ]);
    // Gone are 2 + 4 and 4 of 22 + 8; the lowest single channels have 0 + 0 + 1 + 2 and 4.
    const score = { removed: 10 / 30, bySingleChannels: 7 / 30 };
    expect(plan.details.blocks).toEqual({ size: 2, score });
    expect(plan.warnings).toEqual([expect.stringMatching(/blocks of 2: .* 33\.3 % .* 23\.3 %/)]);
    const third = await compress(wide, { ratio: 0.3, blocks: 3, align: 1 }, scores);
    expect(widthsIn(applyPlan(wide, third))).toEqual([[6, 6]]);
    // Nothing is quantised here: channels go one by one.
    const stored = await compress(wide, { ratio: 0.5, blocks: 'stored' }, scores);
    expect(stored.layers).toEqual((await compress(wide, { ratio: 0.5 }, scores)).layers);
  });

  test('describes widths and thresholds, which are means over the sequences', async () => {
    const evidence = evidenceFor(model, falling);
    const calibration = { ...evidence.calibration, sequences: 2 };
    const { details } = await fisherMoe.plan({
      model,
      evidence: { ...evidence, calibration },
      options: parseOptions(fisherMoe, { ratio: 0.5, budget: 'layer' }),
      rng: createRng(0),
      tools: noTools,
    });
    expect(details).toEqual({
      channels: { before: 16, after: 8 },
      threshold: { min: 2, median: 4, max: 6 },
      alignment: { channels: 0, bytes: 0 },
      layers: [0, 1].map((layer) => ({ layer, before: 8, after: 4, widths: { min: 0, median: 2, max: 4 } })),
    });
  });

  test('warns of experts without gradient or channels, of emptied layers and of odd widths', async () => {
    const wide = toyModel({ layers: 2, experts: 2, topK: 1, width: 64, hidden: 2 });
    const ones = (n: number) => Array<number>(n).fill(1);
    const scores = [[...Array(64).fill(0), ...ones(64)], [...ones(64), ...ones(64)].map((one) => 2 * one)];
    const { warnings } = await compress(wide, { ratio: 0.48, budget: 'model' }, scores);
    expect(warnings).toEqual([
      expect.stringMatching(/^1 experts received no gradient \(layer\.expert 0\.0\)/),
      expect.stringMatching(/^1 experts lose all their channels \(layer\.expert 0\.0\)/),
      expect.stringMatching(/more than 90 % .*: layer 0 \(95 %\)/),
      expect.stringMatching(/^The widths of 1 of 4 experts are not multiples of 64/),
    ]);
  });

  test('refuses gradients that are not numbers', async () => {
    const broken = [[Number.NaN, ...falling[0]!.slice(1)], falling[1]!];
    await expect(compress(model, { ratio: 0.5 }, broken)).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FINITE',
      where: 'layer 0',
    });
  });

  test.each([
    ['a floor above the budget', { ratio: 0.5, floor: 3 }, 'RATIO_TOO_HIGH'],
    ['multiples that leave nothing', { ratio: 0.75, align: 64 }, 'RATIO_TOO_HIGH'],
  ])('refuses %s, before anything is measured', (_, given, code) => {
    const needs = () => fisherMoe.needs(model, parseOptions(fisherMoe, given));
    expect(needs).toThrow(expect.objectContaining({ code }));
  });

  test('refuses experts that layers share, and a model without experts', () => {
    const [first] = moeBlocks(model);
    const slots: [number, number][] = first!.ffn.slots.map((_, i) => [1, i]);
    const shared = applyPlan(model, toyPlan(model, [{ layer: 0, ops: [{ op: 'remap-slots', slots }] }]));
    const options = parseOptions(fisherMoe, { ratio: 0.5 });
    for (const base of [shared, toyModel({ layers: 1, dense: [0] })]) {
      expect(() => fisherMoe.needs(base, options)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID' }),
      );
    }
  });

  test.each([
    ['ratio', { ratio: 1 }],
    ['budget', { ratio: 0.5, budget: 'G' }],
    ['score', { ratio: 0.5, score: 'magnitude' }],
    ['align', { ratio: 0.5, align: 32 }],
    ['blocks', { ratio: 0.5, blocks: 'all' }],
    ['floor', { ratio: 0.5, floor: -1 }],
    ['dropTop', { ratio: 0.5, dropTop: 3 }],
  ])('checks option %s of %o', (option, given) => {
    expect(() => parseOptions(fisherMoe, given)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', where: `options.${option}` }),
    );
  });

  test.each(Object.entries(scorers))('with score %s reads what it asks for', async (score, { statistic }) => {
    const options = parseOptions(fisherMoe, { ratio: 0.5, score });
    expect(fisherMoe.needs(model, options)).toEqual([statistic]);
    expect(statistic.pass).toBe('backward');
    const layers = evidenceFor(model, falling).layers.map((layer) => ({
      layer: layer.layer,
      read: (asked: { readonly name: string }) => {
        expect(asked.name).toBe(statistic.name);
        return Float64Array.from({ length: 8 }, (_, channel) => channel);
      },
    }));
    const decision = await fisherMoe.plan({
      model,
      evidence: { ...evidenceFor(model, falling), layers },
      options,
      rng: createRng(0),
      tools: noTools,
    });
    const mask = encodeChannels([2, 3], 4);
    expect(decision.layers[0]!.ops).toEqual([{ op: 'keep-channels', channels: [mask, mask] }]);
  });

  test('is what the plugin offers', () => {
    expect(plugin.compressors).toEqual([fisherMoe]);
  });
});
