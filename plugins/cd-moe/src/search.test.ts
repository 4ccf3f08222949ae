import type { LayerPlan } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchExperts, searchLayers } from './search.js';
import { FakeReplay, type SetDistance } from './support.test.util.js';

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const candidates = upTo(6).map((expert) => ({ expert, weight: 0.1 }));
const key = (set: readonly number[]) => set.toSorted((a, b) => a - b).join();

/** Any number for any set. */
const distances = fc.func(fc.double({ min: 0, max: 1, noNaN: true }));
const ofSet =
  (draw: (key: string) => number): SetDistance =>
  (set) =>
    draw(key(set));

describe('the search for experts', () => {
  test('takes the nearest each time, of equals the first', async () => {
    const replay = new FakeReplay(0, (set) => [0.5, 0.2, 0.2, 0.9, 0.8, 0.7][set.at(-1)!]! / set.length);
    const chosen = await searchExperts(replay, candidates, 3);
    expect(chosen.map(({ expert }) => expert)).toEqual([1, 2, 0]);
    expect(chosen.map(({ distance }) => distance)).toEqual([0.2, 0.1, 0.5 / 3]);
    expect(replay.added.map(({ expert }) => expert)).toEqual([1, 2, 0]);
    expect(replay.tried).toEqual([6, 5, 4]);
  });

  test('begins every longer choice with the shorter one', async () => {
    await fc.assert(
      fc.asyncProperty(distances, fc.integer({ min: 0, max: 5 }), async (draw, count) => {
        const search = (n: number) => searchExperts(new FakeReplay(0, ofSet(draw)), candidates, n);
        expect((await search(count + 1)).slice(0, count)).toEqual(await search(count));
      }),
    );
  });
});

const layers = [1, 2, 4, 5];
const plans = new Map(layers.map((layer): [number, LayerPlan] => [layer, { layer, ops: [] }]));

function search(distance: SetDistance, count: number, beam: number) {
  const compared: string[][] = [];
  const result = searchLayers(plans, { count, beam, blocks: 6 }, async (views) => {
    const sets = views.map((view) => view.map(({ layer }) => layer));
    compared.push(sets.map(key));
    return { distances: Float64Array.from(sets, distance), blockRuns: 10 };
  });
  return result.then((found) => ({ ...found, compared }));
}

describe('the search for layers', () => {
  test('adds the nearest to those it has', async () => {
    const costs = new Map([
      ['1', 0.4],
      ['2', 0.3],
      ['4', 0.5],
      ['5', 0.6],
      ['1,2', 0.9],
      ['2,4', 0.8],
      ['2,5', 0.7],
    ]);
    const { layers, distances, blockRuns, compared } = await search((set) => costs.get(key(set))!, 2, 1);
    expect([layers, distances]).toEqual([
      [2, 5],
      [0.3, 0.7],
    ]);
    expect(compared.map((sets) => sets.length)).toEqual([4, 3]);
    expect(blockRuns).toEqual({ shared: 20, separate: 5 * 6 + 4 * 6 });
  });

  test('tries every set once and finds the best of all with a beam that holds them', async () => {
    await fc.assert(
      fc.asyncProperty(distances, async (draw) => {
        const { layers, distances, compared } = await search(ofSet(draw), 2, 6);
        const pairs = [...plans.keys()].flatMap((a) =>
          [...plans.keys()].filter((b) => b > a).map((b) => [a, b]),
        );
        expect(compared[1]!.toSorted()).toEqual(pairs.map(key).toSorted());
        expect(distances[1]).toBe(Math.min(...pairs.map(ofSet(draw))));
        expect(ofSet(draw)(layers)).toBe(distances[1]);
      }),
    );
  });

  test('is never worse at the last step with everything than with one set followed up', async () => {
    await fc.assert(
      fc.asyncProperty(distances, async (draw) => {
        const [narrow, wide] = [await search(ofSet(draw), 3, 1), await search(ofSet(draw), 3, 64)];
        expect(wide.distances.at(-1)!).toBeLessThanOrEqual(narrow.distances.at(-1)!);
      }),
    );
  });
});
