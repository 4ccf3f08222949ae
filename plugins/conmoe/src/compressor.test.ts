import {
  applyLayers,
  applyPlan,
  buildPlan,
  type CompressionPlan,
  createRng,
  distinctExperts,
  type Model,
  moeBlocks,
  type ProgressEvent,
  parseOptions,
  removedRatios,
} from '@moepress/core';
import {
  randomWeights,
  type ToyWeights,
  toyEvidence,
  toyModel,
  toyPlan,
  toyTools,
} from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conmoe } from './compressor.js';
import plugin from './index.js';

/** Every expert of layer l was selected by 4 tokens; expert e contributes `contributions[e]` on average. */
function evidenceFor(model: Model, contributions: readonly number[], tokens = contributions.map(() => 4)) {
  const numbers = {
    'expert-hits': { count: tokens },
    'gated-output-norms': { sum: contributions.map((value, e) => value * tokens[e]!) },
  };
  return toyEvidence(Object.fromEntries(moeBlocks(model).map(({ index }) => [index, numbers])));
}

interface Run {
  readonly contributions: readonly number[];
  readonly ratio: number;
  readonly scope?: number;
  readonly selection?: 'score' | 'reap';
  readonly weights?: ToyWeights;
  readonly tokens?: readonly number[];
  readonly events?: ProgressEvent[];
  readonly signal?: AbortSignal;
}

async function compress(model: Model, run: Run): Promise<CompressionPlan> {
  const { ratio, scope = 1, selection = 'score' } = run;
  const options = parseOptions(conmoe, { ratio, scope, selection });
  const evidence = evidenceFor(model, run.contributions, run.tokens as number[] | undefined);
  const decision = await conmoe.plan({
    model,
    evidence,
    options,
    rng: createRng(options.seed),
    tools: toyTools(run.weights ?? randomWeights),
    progress: (event) => run.events?.push(event),
    signal: run.signal,
  });
  return buildPlan({
    model,
    compressor: conmoe,
    origin: { package: '@moepress/plugin-conmoe', version: '0.0.0' },
    options,
    calibration: evidence.calibration,
    decision,
  });
}

/** Which expert every slot computes with, by layer: `layer.expert`. */
const slotExperts = (model: Model) =>
  moeBlocks(model).map(({ ffn }) =>
    ffn.slots.map((entry) => `${ffn.pool[entry]!.origin.layer}.${ffn.pool[entry]!.origin.index}`),
  );

describe('ConMoE', () => {
  test('at ratio 0 the model is unchanged and no weight is compared', async () => {
    const model = toyModel();
    const weights = () => {
      throw new Error('read');
    };
    const plan = await compress(model, { contributions: [1, 2, 3, 4], ratio: 0, weights });
    expect(applyPlan(model, plan)).toEqual(model);
  });

  test('keeps what contributes most when asked to select like REAP', async () => {
    const model = toyModel({ layers: 2 });
    const plan = await compress(model, { contributions: [3, 1, 4, 2], ratio: 0.5, selection: 'reap' });
    const view = applyPlan(model, plan);
    for (const [layer, slots] of slotExperts(view).entries()) {
      expect(new Set(slots)).toEqual(new Set([`${layer}.0`, `${layer}.2`]));
      expect([slots[0], slots[2]]).toEqual([`${layer}.0`, `${layer}.2`]);
    }
  });

  test('holds its laws for any size, scope, ratio and contributions', () => {
    const runs = fc.record({
      layers: fc.integer({ min: 1, max: 5 }),
      scope: fc.integer({ min: 1, max: 4 }),
      contributions: fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 3, maxLength: 6 }),
      ratio: fc.double({ min: 0, max: 0.6, noNaN: true }),
      selection: fc.constantFrom('score' as const, 'reap' as const),
    });
    return fc.assert(
      fc.asyncProperty(runs, async ({ layers, ...run }) => {
        const experts = run.contributions.length;
        const model = toyModel({ layers, experts, topK: 1, hidden: 2, width: 2 });
        const view = applyPlan(model, await compress(model, run));
        const slots = slotExperts(view);
        let kept = 0;
        for (let first = 0; first < layers; first += run.scope) {
          const scope = slots.slice(first, first + run.scope);
          const prototypes = new Set(scope.flat());
          // K distinct prototypes a scope, from the scope.
          expect(prototypes.size).toBe(Math.max(1, Math.round((1 - run.ratio) * scope.length * experts)));
          for (const prototype of prototypes) {
            const [layer, index] = prototype.split('.').map(Number) as [number, number];
            expect(layer >= first && layer < first + run.scope).toBe(true);
            // A prototype maps to itself.
            expect(slots[layer]![index]).toBe(prototype);
          }
          kept += prototypes.size;
        }
        expect(removedRatios(model, view).routed).toBeCloseTo(1 - kept / (layers * experts), 12);
        const { ratio, scope } = run;
        const outlined = applyLayers(model, conmoe.outline!(model, parseOptions(conmoe, { ratio, scope })));
        expect(removedRatios(model, outlined)).toEqual(removedRatios(model, view));
        // Routers are untouched, so a token's routing weights sum to what they did.
        expect(moeBlocks(view).map(({ ffn }) => ffn.router)).toEqual(
          moeBlocks(model).map(({ ffn }) => ffn.router),
        );
      }),
      { numRuns: 40 },
    );
  });

  test('with a wider scope, a layer may keep more than another', async () => {
    const model = toyModel({ layers: 3, experts: 4, topK: 1 });
    const numbers = (contributions: number[]) => ({
      'expert-hits': { count: [1, 1, 1, 1] },
      'gated-output-norms': { sum: contributions },
    });
    const evidence = toyEvidence({
      0: numbers([5, 6, 7, 8]),
      1: numbers([1, 2, 3, 4]),
      2: numbers([1, 2, 3, 4]),
    });
    const options = parseOptions(conmoe, { ratio: 0.5, scope: 2, selection: 'reap' });
    const tools = toyTools();
    const decision = await conmoe.plan({ model, evidence, options, rng: createRng(0), tools });
    expect(decision.details).toEqual({
      scopes: [
        expect.objectContaining({
          layers: [0, 1],
          experts: 8,
          prototypes: 4,
          prototypesPerLayer: [4, 0],
          crossLayerShare: 1,
        }),
        expect.objectContaining({ layers: [2], experts: 4, prototypesPerLayer: [2], crossLayerShare: 0 }),
      ],
    });
  });

  test('tells how far apart experts are', async () => {
    const plan = await compress(toyModel({ layers: 1 }), { contributions: [1, 2, 3, 4], ratio: 0.5 });
    const [{ replaceability }] = (plan.details as { scopes: [{ replaceability: Record<string, number> }] })
      .scopes;
    expect(replaceability.min).toBeLessThanOrEqual(replaceability.median!);
    expect(replaceability.median).toBeLessThanOrEqual(replaceability.max!);
    expect(replaceability.max).toBeLessThan(2);
  });

  test('reports progress by scope', async () => {
    const events: ProgressEvent[] = [];
    await compress(toyModel({ layers: 3 }), { contributions: [1, 2, 3, 4], ratio: 0.5, scope: 2, events });
    expect(events.map(({ type }) => type)).toEqual(['start', 'advance', 'advance', 'end']);
    expect(events[0]).toMatchObject({ total: 2 });
  });

  test('stops when asked to', async () => {
    const signal = AbortSignal.abort();
    const run = compress(toyModel(), { contributions: [1, 2, 3, 4], ratio: 0.5, signal });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('refuses outputs that are not numbers', async () => {
    const run = compress(toyModel(), { contributions: [1, Number.NaN, 3, 4], ratio: 0.5 });
    await expect(run).rejects.toMatchObject({ code: 'WEIGHTS_NOT_FINITE', where: 'layer 0' });
  });

  test('compresses again what layers share already, by the ratio of what is left', async () => {
    const model = toyModel({ layers: 2, experts: 8, topK: 1 });
    const contributions = [1, 2, 3, 4, 5, 6, 7, 8];
    const shared = applyPlan(model, await compress(model, { contributions, ratio: 0.5, scope: 2 }));
    // Evidence of an expert is found under its place in each layer's pool.
    const evidence = toyEvidence(
      Object.fromEntries(
        moeBlocks(shared).map(({ index, ffn }) => {
          const count = ffn.pool.map(() => 4);
          const sum = ffn.pool.map(({ origin }) => 4 * contributions[origin.index]!);
          return [index, { 'expert-hits': { count }, 'gated-output-norms': { sum } }];
        }),
      ),
    );
    const options = parseOptions(conmoe, { ratio: 0.5, scope: 2, selection: 'reap' });
    const { layers } = await conmoe.plan({
      model: shared,
      evidence,
      options,
      rng: createRng(0),
      tools: toyTools(randomWeights),
    });
    const view = applyPlan(shared, toyPlan(shared, layers));
    expect(distinctExperts(shared)).toHaveLength(8);
    const kept = distinctExperts(view).map(({ origin }) => contributions[origin.index]!);
    const given = distinctExperts(shared).map(({ origin }) => contributions[origin.index]!);
    const descending = (values: number[]) => values.sort((a, b) => b - a);
    expect(descending(kept)).toEqual(descending(given).slice(0, 4));
  });

  test('refuses a ratio that leaves fewer prototypes than top-k, before anything is measured', () => {
    const needs = (ratio: number) =>
      conmoe.needs(toyModel({ experts: 4, topK: 2 }), parseOptions(conmoe, { ratio }));
    expect(() => needs(0.75)).toThrow(expect.objectContaining({ code: 'RATIO_TOO_HIGH' }));
    expect(needs(0.5).map(({ name }) => name)).toEqual(['expert-hits', 'gated-output-norms']);
  });

  test.each([
    ['ratio', { ratio: 1 }],
    ['scope', { ratio: 0.5, scope: 0 }],
    ['selection', { ratio: 0.5, selection: 'distance' }],
  ])('checks option %s of %o', (option, given) => {
    expect(() => parseOptions(conmoe, given)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', where: `options.${option}` }),
    );
  });

  test('is what the plugin offers', () => {
    expect(plugin.compressors).toEqual([conmoe]);
  });
});
