import fc from 'fast-check';
import { expect, it } from 'vitest';
import { laneRuns, planRuns, type Run, type Sequence, wavesOf } from './runs.js';
import { rowOf } from './token-layout.js';

/** Some sequences that begin alike, some that do not, in any order. */
const sequences = fc
  .array(
    fc.record({
      stem: fc.nat({ max: 2 }),
      shared: fc.nat({ max: 90 }),
      own: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 40 }),
      free: fc.nat({ max: 100 }),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((all) =>
    all.map(({ stem, shared, own, free }): Sequence => {
      const ids = [...Array.from({ length: shared }, (_, i) => 10 + stem + (i % 5)), ...own];
      return { ids, free: Math.min(free, ids.length - 1) };
    }),
  );

/** Checks that the runs of each lane, in their order, have every token of their sequences where it belongs. */
function checkRuns(runs: readonly Run[], given: readonly Sequence[]): number[] {
  const kept = new Map<number, number[]>();
  return runs.flatMap(({ layout, prefix, lane, keeps }) => {
    const before = (kept.get(lane) ?? []).slice(0, prefix);
    expect(before).toHaveLength(prefix);
    if (keeps) kept.set(lane, [...before, ...layout.ids]);
    return layout.sequences.flatMap((index, b) => {
      const own = Array.from({ length: layout.lengths[b]! }, (_, t) => rowOf(layout, b, t));
      expect(own.map((row) => layout.positions[row])).toEqual(own.map((_, t) => prefix + t));
      if (index < 0) return [];
      const { ids, free } = given[index]!;
      const whole = [...before, ...own.map((row) => layout.ids[row])];
      expect(whole).toEqual(Array.from(ids).slice(0, whole.length));
      // A sequence cut into pieces has no sequence before it.
      if (whole.length < ids.length) return [];
      if (ids.length <= limit.tokens) expect(prefix).toBeLessThanOrEqual(free);
      return [index];
    });
  });
}

/** The runs that are checked. */
const limit = { tokens: 0 };

it('plans every sequence once, within the limit, with what it shares before it', () => {
  fc.assert(
    fc.property(
      sequences,
      fc.integer({ min: 20, max: 200 }),
      fc.constantFrom(1, 2, 3),
      (given, tokens, lanes) => {
        limit.tokens = tokens;
        const runs = planRuns(given, { tokens, lanes });
        expect(checkRuns(runs, given).sort((a, b) => a - b)).toEqual(given.map((_, i) => i));
        for (const { layout, lane } of runs) {
          expect(lane).toBeLessThan(lanes);
          expect(layout.ids.length).toBeLessThanOrEqual(tokens);
        }
      },
    ),
  );
});

it('splits runs into waves that stand by themselves', () => {
  fc.assert(
    fc.property(sequences, fc.integer({ min: 20, max: 400 }), (given, tokens) => {
      limit.tokens = 40;
      const runs = planRuns(given, { tokens: 40, lanes: 2 });
      const waves = wavesOf(runs, tokens);
      const seen = waves.flatMap((wave) => checkRuns(wave, given));
      expect(seen.sort((a, b) => a - b)).toEqual(given.map((_, i) => i));
    }),
  );
});

it('computes what many sequences begin with once in each lane', () => {
  const shots = Array.from({ length: 100 }, (_, i) => i);
  const given = Array.from({ length: 40 }, (_, i) => ({ ids: [...shots, 200 + i, 300, 301], free: 101 }));
  const runs = planRuns(given, { tokens: 110, lanes: 2 });
  expect(runs.filter(({ keeps }) => keeps).map(({ lane }) => lane)).toEqual([0, 1]);
  const tokens = runs.reduce((sum, { layout }) => sum + layout.ids.length, 0);
  expect(tokens).toBe(2 * 100 + 40 * 3);
});

it('takes a long sequence in pieces', () => {
  const ids = Array.from({ length: 250 }, (_, i) => i);
  const runs = planRuns([{ ids, free: 0 }], { tokens: 100, lanes: 2 });
  expect(runs.map(({ prefix, keeps, lane }) => [prefix, keeps, lane])).toEqual([
    [0, true, 0],
    [83, true, 0],
    [166, false, 0],
  ]);
  const waves = wavesOf(runs, 90).map((wave) => wave.map(({ layout }) => layout.sequences[0]));
  expect(waves).toEqual([[0], [-1, 0], [-1, -1, 0]]);
});

it('arranges the prompts of a lane behind what they share', () => {
  const prompts = [
    [1, 2, 3, 9],
    [1, 2, 3, 4, 5],
    [1, 2, 3, 4, 6],
  ];
  const runs = laneRuns(prompts, 3, { tokens: 100, share: true });
  expect(runs.map(({ keeps }) => keeps)).toEqual([true, false]);
  expect([...runs[1]!.layout.ids]).toEqual([4, 5, 6, 9]);
  expect(runs[1]!.layout.sequences).toEqual([1, 2, 0]);
  const apart = laneRuns(prompts, 0, { tokens: 100, share: false });
  expect(apart[0]!.layout.ids).toHaveLength(14);
});
