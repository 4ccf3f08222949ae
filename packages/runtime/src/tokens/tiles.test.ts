import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Reach } from './reach.js';
import { tilesOf } from './tiles.js';
import { layOut } from './token-layout.js';

const given = fc.array(fc.array(fc.nat({ max: 1 }), { minLength: 1, maxLength: 90 }), {
  minLength: 1,
  maxLength: 12,
});
const reach = fc.record({
  heads: fc.constantFrom(1, 2 ** 16),
  window: fc.option(fc.integer({ min: 1, max: 40 })),
  prefix: fc.nat({ max: 50 }),
  chunked: fc.constantFrom({}, { chunked: true } as const),
});

/** The first position that a token sees. */
const firstOf = (position: number, { window, chunked }: Reach) => {
  if (window === null) return 0;
  return chunked ? position - (position % window) : position - window + 1;
};

/** Whether a token sees another position before it. */
const isNear = (position: number, other: number, { window, chunked }: Reach) => {
  if (window === null) return true;
  const sameChunk = Math.floor(position / window) === Math.floor(other / window);
  return chunked ? sameChunk : position - other < window;
};

it('gives each query all keys it sees, and each row to one query', () => {
  fc.assert(
    fc.property(given, reach, (sequences, { heads, window, prefix, chunked }) => {
      const sorted = sequences.map((ids) => ids.join('')).sort();
      const layout = layOut(
        sorted.map((text, index) => ({ index, ids: [...text].map(Number) })),
        { sharePrefixes: true, starts: sorted.map(() => prefix) },
      );
      const { size, queries, keys, spans } = tilesOf(layout, { heads, window, prefix, ...chunked });
      const count = layout.ids.length;
      expect([...queries.subarray(0, count)]).toEqual([...Array(count).keys()]);
      for (let row = 0; row < count; row++) {
        const tile = Math.floor(row / size);
        const own = new Set(keys.subarray(Number(spans[2 * tile]), Number(spans[2 * tile + 1])));
        const position = layout.positions[row]!;
        const near = (other: number) => isNear(position, other, { window, ...chunked });
        for (let place = 0; place < prefix; place++) if (near(place)) expect(own).toContain(place);
        for (let j = 0; j <= row; j++) {
          const sees = row < layout.ends[j]! && near(layout.positions[j]!);
          if (sees) expect(own).toContain(prefix + j);
        }
      }
    }),
    { numRuns: 50 },
  );
});

it('gives some rows all keys they see, and no key that none of a tile sees', () => {
  fc.assert(
    fc.property(
      given,
      reach,
      fc.infiniteStream(fc.nat({ max: 3 })),
      (sequences, { heads, window, prefix, chunked }, drawn) => {
        const sorted = sequences.map((ids) => ids.join('')).sort();
        const layout = layOut(
          sorted.map((text, index) => ({ index, ids: [...text].map(Number) })),
          { sharePrefixes: true, starts: sorted.map(() => prefix) },
        );
        const rows = [...layout.ids.keys()].filter(() => drawn.next().value === 0);
        if (rows.length === 0) return;
        const { size, queries, keys, spans } = tilesOf(
          layout,
          { heads, window, prefix, ...chunked },
          Int32Array.from(rows),
        );
        expect([...queries.subarray(0, rows.length)]).toEqual([...rows.keys()]);
        for (let tile = 0; tile * size < rows.length; tile++) {
          const own = rows.slice(tile * size, (tile + 1) * size);
          const near = (position: number) =>
            own.some((row) => position >= firstOf(layout.positions[row]!, { window, ...chunked }));
          const seen = [...layout.ids.keys()].filter((key) =>
            own.some((row) => key <= row && row < layout.ends[key]!),
          );
          const expected = [
            ...Array.from({ length: prefix }, (_, place) => place).filter(near),
            ...seen.filter((key) => near(layout.positions[key]!)).map((key) => prefix + key),
          ];
          const found = keys.subarray(Number(spans[2 * tile]), Number(spans[2 * tile + 1]));
          expect([...found]).toEqual(expected);
        }
      },
    ),
    { numRuns: 50 },
  );
});

it('leaves out what no query of a tile sees', () => {
  const strangers = layOut([0, 1, 2, 3].map((index) => ({ index, ids: Array(128).fill(index) })));
  const { keys, spans } = tilesOf(strangers, { heads: 1, window: null, prefix: 0 });
  expect(keys).toHaveLength(4 * 128);
  expect([...spans].map(Number)).toEqual([0, 128, 128, 256, 256, 384, 384, 512]);
  const long = layOut([{ index: 0, ids: Array(512).fill(7) }]);
  expect(tilesOf(long, { heads: 1, window: 16, prefix: 0 }).keys.length).toBeLessThan(4 * 128 + 3 * 16);
});
