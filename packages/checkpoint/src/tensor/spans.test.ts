import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Place, spansOf } from './spans.js';

const placesOf = (pieces: readonly (readonly [begin: number, length: number])[]): Place[] => {
  let at = 0;
  return pieces.map(([begin, length]) => {
    at += length;
    return { begin, end: begin + length, at: at - length };
  });
};

describe('spansOf', () => {
  it('covers every place, and reads no more gaps and bytes than it may', () => {
    const pieces = fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 40 })), { maxLength: 40 });
    const limits = fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 100 }));
    fc.assert(
      fc.property(pieces, limits, (chosen, [short, most]) => {
        const places = placesOf(chosen);
        const spans = spansOf(places, short, most);
        expect(spans.flatMap((span) => span.places).length).toBe(places.length);
        expect(new Set(spans.flatMap((span) => span.places))).toEqual(new Set(places));
        for (const { begin, end, places: inside, at } of spans) {
          expect(begin).toBe(Math.min(...inside.map((place) => place.begin)));
          expect(end).toBe(Math.max(...inside.map((place) => place.end)));
          if (at !== null) {
            for (const place of inside) expect(place.at - at).toBe(place.begin - begin);
            expect(inside.reduce((sum, place) => sum + place.end - place.begin, 0)).toBe(end - begin);
            continue;
          }
          expect(end - begin).toBeLessThanOrEqual(most);
          let reached = begin;
          for (const place of inside) {
            expect(place.begin - reached).toBeLessThan(short);
            reached = Math.max(reached, place.end);
          }
        }
      }),
    );
  });

  it('reads what lies side by side and goes side by side as one', () => {
    const places = placesOf([
      [100, 50],
      [150, 20],
      [170, 30],
    ]);
    expect(spansOf(places, 10, 60)).toEqual([{ begin: 100, end: 200, places, at: 0 }]);
  });

  it('reads every other row in one go', () => {
    const places = placesOf([0, 8, 16, 24].map((begin) => [begin, 4]));
    expect(spansOf(places, 5, 100)).toMatchObject([{ begin: 0, end: 28, at: null }]);
    expect(spansOf(places, 5, 12)).toMatchObject([
      { begin: 0, end: 12 },
      { begin: 16, end: 28 },
    ]);
    expect(spansOf(places, 4, 100)).toHaveLength(4);
  });

  it('keeps a row that lies within another from making their span longer than it may be', () => {
    const places = placesOf([
      [1, 1],
      [0, 3],
    ]);
    expect(spansOf(places, 4, 2).map(({ begin, end }) => [begin, end])).toEqual([
      [0, 3],
      [1, 2],
    ]);
  });

  it('reads long stretches by themselves', () => {
    const places = placesOf([
      [0, 50],
      [52, 2],
      [56, 50],
    ]);
    expect(spansOf(places, 10, 1000).map(({ at }) => at)).toEqual([0, 50, 52]);
  });
});
