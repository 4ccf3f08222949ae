import { applyPlan, distinctExperts } from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nearestPrototypes, planRemap } from './remap.js';
import { scopesOf } from './scopes.js';

const n = 7;
/** Symmetric distances with ties and twins, and some prototypes. */
const cases = fc.record({
  distances: fc.array(fc.nat(3), { minLength: n * n, maxLength: n * n }).map((values) =>
    Float64Array.from(values, (_, i) => {
      const [a, b] = [Math.floor(i / n), i % n];
      return a === b ? 0 : values[Math.min(a, b) * n + Math.max(a, b)]!;
    }),
  ),
  prototypes: fc.subarray([...Array(n).keys()], { minLength: 1 }),
});

describe('nearestPrototypes', () => {
  test('prototypes stay themselves, so all of them are used', () => {
    fc.assert(
      fc.property(cases, ({ distances, prototypes }) => {
        const map = nearestPrototypes(distances, n, prototypes);
        for (const p of prototypes) expect(map[p]).toBe(p);
        expect([...new Set(map)].sort()).toEqual([...prototypes].sort());
      }),
    );
  });

  test('no prototype is nearer than the one chosen, and none before it as near', () => {
    fc.assert(
      fc.property(cases, ({ distances, prototypes }) => {
        for (const [e, chosen] of nearestPrototypes(distances, n, prototypes).entries()) {
          if (prototypes.includes(e)) continue;
          for (const p of prototypes) {
            const [there, here] = [distances[e * n + p]!, distances[e * n + chosen]!];
            expect(p < chosen ? there > here : there >= here).toBe(true);
          }
        }
      }),
    );
  });
});

describe('planRemap', () => {
  const model = toyModel({ layers: 2, experts: 2, topK: 1 });
  const [scope] = scopesOf(model, 2);

  test('names the prototype of every slot', () => {
    const slots = [
      [0, 0],
      [1, 1],
    ];
    expect(planRemap(model, scope!, [0, 3, 0, 3])).toEqual([
      { layer: 0, ops: [{ op: 'remap-slots', slots }] },
      { layer: 1, ops: [{ op: 'remap-slots', slots }] },
    ]);
  });

  test('leaves a layer out where nothing was replaced', () => {
    expect(planRemap(model, scope!, [0, 1, 0, 3]).map(({ layer }) => layer)).toEqual([1]);
    expect(planRemap(model, scope!, [0, 1, 2, 3])).toEqual([]);
  });

  test('follows slots that already share an expert', () => {
    const shared = applyPlan(model, toyPlan(model, planRemap(model, scope!, [0, 0, 2, 3])));
    const [rest] = scopesOf(shared, 2);
    expect(rest!.members.map(({ layer, index }) => `${layer}.${index}`)).toEqual(['0.0', '1.0', '1.1']);
    const [first] = planRemap(shared, rest!, [1, 1, 2]);
    const slots = [
      [1, 0],
      [1, 0],
    ];
    expect(first).toEqual({ layer: 0, ops: [{ op: 'remap-slots', slots }] });
  });

  test('follows layers that already share an expert', () => {
    const shared = applyPlan(model, toyPlan(model, planRemap(model, scope!, [0, 1, 0, 3])));
    const [rest] = scopesOf(shared, 2);
    expect(rest!.members.map(({ places }) => places.map(({ layer, index }) => `${layer}.${index}`))).toEqual([
      ['0.0', '1.0'],
      ['0.1'],
      ['1.1'],
    ]);
    const again = planRemap(shared, rest!, [1, 1, 2]);
    expect(again).toEqual([
      {
        layer: 0,
        ops: [
          {
            op: 'remap-slots',
            slots: [
              [0, 1],
              [0, 1],
            ],
          },
        ],
      },
      {
        layer: 1,
        ops: [
          {
            op: 'remap-slots',
            slots: [
              [0, 1],
              [1, 1],
            ],
          },
        ],
      },
    ]);
    expect(distinctExperts(applyPlan(shared, toyPlan(shared, again)))).toHaveLength(2);
  });
});
