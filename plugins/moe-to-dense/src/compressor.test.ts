import {
  applyPlan,
  type CompressionPlan,
  encodeChannels,
  type Model,
  measure,
  moeBlocks,
  parseOptions,
} from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { moeToDense } from './compressor.js';
import { groupings } from './grouping/group.js';
import plugin from './index.js';
import { scorings } from './scoring/select.js';
import { condensed, condenseOps } from './support.test.util.js';

const needs = (model: Model, given: object) =>
  moeToDense.needs(model, parseOptions(moeToDense, given)).map(({ name }) => name);

const partsOf = (plan: CompressionPlan) => condenseOps(plan).map(({ parts }) => parts);

describe('moe-to-dense', () => {
  test('makes every layer with experts dense, as wide as the experts of a token', async () => {
    const model = toyModel({ layers: 3, experts: 5, topK: 2, dense: [0] });
    const view = applyPlan(model, await condensed(model, {}));
    expect(moeBlocks(view)).toEqual([]);
    expect(view.blocks[0]).toEqual(model.blocks[0]);
    for (const { ffn } of view.blocks) expect(ffn).toMatchObject({ kind: 'dense', mlp: { width: 12 } });
    expect(measure(view).routers.parameters).toBe(0);
  });

  test.each([
    [{ ratio: 0 }, 6],
    [{ ratio: 0.5 }, 3],
    [{ ratio: 0.9 }, 1],
    [{ ratio: 0.5, keep: 6 }, 3],
  ])('with %o it has %i parts', async (given, parts) => {
    const model = toyModel({ layers: 1, experts: 6, topK: 2 });
    const plan = await condensed(model, given);
    expect(partsOf(plan)[0]).toHaveLength(parts);
    expect(plan.warnings.some((warning) => warning.includes(`as wide as ${parts} experts`))).toBe(true);
  });

  test('puts everybody it keeps into exactly one part, whatever the scoring and the grouping', async () => {
    const model = toyModel({ layers: 1, experts: 7, topK: 3 });
    for (const scoring of scorings) {
      for (const grouping of groupings) {
        const [parts] = partsOf(await condensed(model, { scoring, grouping, keep: 6 }));
        expect(parts).toHaveLength(3);
        const experts = parts!.flatMap((part) => part.experts);
        expect(new Set(experts).size).toBe(6);
      }
    }
  });

  test('scales by what the router does: normalised weights by 1/k, others as they are measured', async () => {
    const model = toyModel({ layers: 1, experts: 4, topK: 2 });
    const sums = async (given: object) => {
      const [parts] = partsOf(await condensed(model, given));
      return parts!.map(({ scale }) => scale);
    };
    expect(await sums({ scaling: 'uniform' })).toEqual([0.5, 0.5]);
    const proportional = await sums({ scaling: 'proportional' });
    expect(proportional[0]! + proportional[1]!).toBeCloseTo(1, 12);
    expect(proportional[0]).not.toBe(proportional[1]);
    // This router does not normalise: two of four probabilities sum to less than one.
    const [first, second] = await sums({});
    expect(first).toBe(second);
    expect(2 * first!).toBeGreaterThan(0.5);
    expect(2 * first!).toBeLessThan(1);
    expect(await sums({ scaling: 'matched' })).toEqual([first, second]);
  });

  test('tells how far each layer is, and the whole', async () => {
    const model = toyModel({ layers: 2, experts: 4, topK: 2 });
    const { details } = await condensed(model, {});
    expect(details).toMatchObject({
      distance: 0.5,
      layers: [
        { layer: 0, experts: 2, parts: 2, width: 12, scaling: 'matched', error: expect.any(Number) },
        { layer: 1 },
      ],
    });
    const grouped = await condensed(model, { keep: 3 });
    expect(grouped.details).toMatchObject({ layers: [{ experts: 3, error: null }, { error: null }] });
  });

  test('warns of what the user should know', async () => {
    const model = toyModel({ layers: 1, experts: 4, topK: 2, shared: 4 });
    const { warnings } = await condensed(model, { scaling: 'uniform' });
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('distil');
    expect(warnings[1]).toContain('do not normalise');
    expect(warnings[2]).toContain('gates of 1 shared experts');
    expect((await condensed(model, { shared: 'gated' })).warnings).toHaveLength(1);
  });

  test('follows slots that share an expert', async () => {
    const base = toyModel({ layers: 1, experts: 4, topK: 2 });
    const slots = [0, 1, 1, 3].map((expert): [number, number] => [0, expert]);
    const shared = applyPlan(base, toyPlan(base, [{ layer: 0, ops: [{ op: 'remap-slots', slots }] }]));
    expect(moeBlocks(shared)[0]!.ffn.pool).toHaveLength(3);
    expect(() => needs(shared, { keep: 4 })).toThrow('keep must be between these numbers and is 4');
    expect(() => needs(shared, { keep: 3 })).not.toThrow();
  });

  test('measures what it uses', () => {
    const model = toyModel({ experts: 4, topK: 2 });
    const reconstruction = ['output-gram', 'routed-sum-products'];
    expect(needs(model, { scoring: 'sf', scaling: 'uniform' })).toEqual(['expert-hits', ...reconstruction]);
    expect(needs(model, { scoring: 'sf', keep: 3, grouping: 'router', scaling: 'uniform' })).toEqual([
      'expert-hits',
      'router-logit-gram',
    ]);
    expect(needs(toyModel({ shared: 4 }), {})).toContain('shared-gate-sums');
    expect(needs(toyModel({ shared: 4 }), { shared: 'gated' })).not.toContain('shared-gate-sums');
  });

  test('refuses what cannot be done before anything is measured', () => {
    const model = toyModel({ layers: 1, experts: 4, topK: 2 });
    const refusal = (of: Model, given: object) => expect(() => needs(of, given));
    refusal(toyModel({ layers: 1, dense: [0] }), {}).toThrow('no routed experts');
    refusal(model, { keep: 1 }).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
    refusal(model, { keep: 5 }).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
    const channels = [6, 5, 6, 6].map((width) => encodeChannels([...Array(width).keys()], 6));
    const ragged = applyPlan(model, toyPlan(model, [{ layer: 0, ops: [{ op: 'keep-channels', channels }] }]));
    refusal(ragged, { keep: 3 }).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }));
    refusal(ragged, {}).not.toThrow();
  });

  test.each([
    ['scoring', { scoring: 'best' }],
    ['ratio', { ratio: 1 }],
    ['align', { align: 0 }],
    ['regulariser', { regulariser: 0 }],
    ['shared', { shared: 0.5 }],
  ])('checks option %s of %o', (option, given) => {
    expect(() => parseOptions(moeToDense, given)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', where: `options.${option}` }),
    );
  });

  test('is what the plugin offers, with its refiner', () => {
    expect(plugin.compressors.map(({ name }) => name)).toEqual(['moe-to-dense']);
    expect(plugin.refiners.map(({ name }) => name)).toEqual(['distil']);
  });
});
