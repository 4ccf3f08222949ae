import { applyLayers, applyPlan, moeBlocks, parseOptions, removedRatios } from '@moepress/core';
import { toyModel } from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fisherMoe } from './compressor.js';
import { compress, keptIn, ragged, widthsIn } from './support.test.util.js';

const [layers, experts, width] = [3, 4, 12];
const model = toyModel({ layers, experts, topK: 2, hidden: 2, width });
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const outline = (given: object) => fisherMoe.outline!(model, parseOptions(fisherMoe, given));

/** Few different scores, so that ties are frequent. */
const scores = fc.array(
  fc.array(fc.nat({ max: 20 }), { minLength: experts * width, maxLength: experts * width }),
  {
    minLength: layers,
    maxLength: layers,
  },
);
const ratio = fc.double({ min: 0.01, max: 0.9, noNaN: true });
const budget = fc.constantFrom('expert' as const, 'layer' as const, 'model' as const);

describe('Fisher-MoE, whatever the gradients,', () => {
  test('meets its budget exactly and keeps ascending channels', () =>
    fc.assert(
      fc.asyncProperty(scores, ratio, budget, async (numbers, p, per) => {
        const view = applyPlan(model, await compress(model, { ratio: p, budget: per }, numbers));
        const widths = widthsIn(view);
        const expected = {
          expert: () =>
            expect(widths.flat()).toEqual(Array(layers * experts).fill(width - Math.trunc(width * p))),
          layer: () => {
            const each = experts * width - Math.trunc(experts * width * p);
            expect(widths.map(sum)).toEqual(Array(layers).fill(each));
          },
          model: () => {
            const total = layers * experts * width;
            expect(sum(widths.flat())).toBe(total - Math.trunc(total * p));
          },
        };
        expected[per]();
        const after = sum(widths.flat()) / (layers * experts * width);
        expect(removedRatios(model, view).routed).toBeCloseTo(1 - after, 12);
        const outlined = applyLayers(model, outline({ ratio: p, budget: per }));
        expect(removedRatios(model, outlined)).toEqual(removedRatios(model, view));
        for (const kept of keptIn(view).flat()) expect(kept).toEqual(kept.toSorted((a, b) => a - b));
        for (const { ffn } of moeBlocks(view)) {
          for (const { up, down, gate } of ffn.pool) {
            expect([up, down].map((t) => ('indices' in t ? t.indices : null))).toEqual(
              Array(2).fill(gate && 'indices' in gate ? gate.indices : null),
            );
          }
        }
      }),
      { numRuns: 40 },
    ));

  test('never drops a channel and keeps a worse one of the same budget', () =>
    fc.assert(
      fc.asyncProperty(scores, ratio, async (numbers, p) => {
        const kept = keptIn(applyPlan(model, await compress(model, { ratio: p, budget: 'layer' }, numbers)));
        for (const [layer, own] of kept.entries()) {
          const stay = new Set(own.flatMap((channels, e) => channels.map((channel) => e * width + channel)));
          const worst = Math.min(...[...stay].map((channel) => numbers[layer]![channel]!));
          const gone = numbers[layer]!.filter((_, channel) => !stay.has(channel));
          expect(Math.max(0, ...gone)).toBeLessThanOrEqual(worst);
        }
      }),
      { numRuns: 40 },
    ));

  test('keeps the floor and what is protected', () =>
    fc.assert(
      fc.asyncProperty(
        scores,
        budget,
        fc.integer({ min: 0, max: 3 }),
        fc.nat({ max: 30 }),
        async (numbers, per, floor, protectTop) => {
          const options = { ratio: 0.75, budget: per, floor, protectTop };
          const kept = keptIn(applyPlan(model, await compress(model, options, numbers)));
          for (const channels of kept.flat()) expect(channels.length).toBeGreaterThanOrEqual(floor);
          const flat = numbers.flat();
          const stay = new Set(
            kept.flatMap((own, layer) =>
              own.flatMap((channels, e) =>
                channels.map((channel) => (layer * experts + e) * width + channel),
              ),
            ),
          );
          const ranked = [...flat.keys()].sort((a, b) => flat[b]! - flat[a]! || b - a);
          for (const channel of ranked.slice(0, protectTop)) expect(stay.has(channel)).toBe(true);
        },
      ),
      { numRuns: 40 },
    ));

  test('drops exactly the best where that is asked for', () =>
    fc.assert(
      fc.asyncProperty(scores, fc.integer({ min: 1, max: layers * experts * width }), async (numbers, n) => {
        const plan = await compress(model, { ratio: 0, dropTop: n }, numbers);
        const stay = keptIn(applyPlan(model, plan)).flatMap((own, layer) =>
          own.flatMap((channels, e) => channels.map((channel) => numbers[layer]![e * width + channel]!)),
        );
        const ascending = numbers.flat().sort((a, b) => a - b);
        expect(stay.sort((a, b) => a - b)).toEqual(ascending.slice(0, ascending.length - n));
      }),
      { numRuns: 20 },
    ));

  test('meets the budget of a base of any widths', () => {
    const some = fc.array(fc.array(fc.nat({ max: width }), { minLength: experts, maxLength: experts }), {
      minLength: layers,
      maxLength: layers,
    });
    return fc.assert(
      fc.asyncProperty(some, ratio, budget, async (widths, p, per) => {
        fc.pre(widths.flat().some((w) => w > 0));
        const base = ragged(model, widths);
        const numbers = widths.map((own) => Array.from({ length: sum(own) }, (_, i) => (i * 7) % 11));
        const after = widthsIn(applyPlan(base, await compress(base, { ratio: p, budget: per }, numbers)));
        const left = (total: number) => total - Math.trunc(total * p);
        if (per === 'expert') expect(after).toEqual(widths.map((own) => own.map(left)));
        if (per === 'layer') expect(after.map(sum)).toEqual(widths.map((own) => left(sum(own))));
        if (per === 'model') expect(sum(after.flat())).toBe(left(sum(widths.flat())));
      }),
      { numRuns: 40 },
    );
  });
});
