import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { LayerPlan } from '../plan/schema.js';
import { toyModel } from '../testing/toy-model.js';
import { toyPlan } from '../testing/toy-plan.js';
import { buildPlan } from './build-plan.js';
import type { Compressor, PlanDecision } from './compressor.js';

const model = toyModel();
const compressor: Compressor = {
  specVersion: 1,
  name: 'toy',
  title: 'Toy',
  reference: 'none',
  options: z.strictObject({ ratio: z.number().min(0).lt(1), seed: z.int().default(0) }),
  needs: () => [],
  plan: async () => ({ layers: [] }),
};

const build = (decision: PlanDecision) =>
  buildPlan({
    model,
    compressor,
    origin: { package: '@moepress/plugin-toy', version: '1.0.0' },
    options: { ratio: 0.5, seed: 0 },
    calibration: null,
    decision,
  });

describe('buildPlan', () => {
  test('adds where the decision came from', () => {
    const layers: LayerPlan[] = [{ layer: 1, ops: [{ op: 'keep-experts', experts: [0, 1] }] }];
    expect(build({ layers })).toEqual(toyPlan(model, layers));
    expect(build({ layers, warnings: ['careful'], details: { spread: 0.1 } })).toMatchObject({
      warnings: ['careful'],
      details: { spread: 0.1 },
    });
  });

  test.each([
    ['an operation nobody knows', { layers: [{ layer: 0, ops: [{ op: 'merge' }] }] }],
    ['a layer that is not there', { layers: [{ layer: 9, ops: [{ op: 'keep-experts', experts: [0, 1] }] }] }],
    ['a detail that is no JSON', { layers: [], details: { spread: Number.NaN } }],
  ])('blames the plugin for %s', (_, decision) => {
    expect(() => build(decision as unknown as PlanDecision)).toThrow(
      expect.objectContaining({ code: 'PLUGIN_INVALID', where: '@moepress/plugin-toy 1.0.0' }),
    );
  });

  test('refuses to keep fewer experts than the router selects', () => {
    const decision = { layers: [{ layer: 0, ops: [{ op: 'keep-experts' as const, experts: [0] }] }] };
    expect(() => build(decision)).toThrow(expect.objectContaining({ code: 'RATIO_TOO_HIGH' }));
  });
});
