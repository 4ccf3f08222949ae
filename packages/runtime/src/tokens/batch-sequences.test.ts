import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchSequences } from './batch-sequences.js';
import { type Layout, paddingOf, rowOf } from './token-layout.js';

const sequences = fc.array(fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 12,
});
const limits = { tokens: 20, scores: 600, heads: 2 };

/** What attention sees of sequence b. */
const unpacked = (layout: Layout, b: number) =>
  Array.from({ length: layout.lengths[b]! }, (_, t) => ({
    id: layout.ids[rowOf(layout, b, t)],
    position: layout.positions[rowOf(layout, b, t)],
  }));

describe.each([true, false])('batches with shared prefixes: %s', (sharePrefixes) => {
  it('hold every token of every sequence at its position, once each sequence', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const batches = batchSequences(given, limits, { sharePrefixes });
        const seen = batches.flatMap((layout) =>
          layout.sequences.map((index, b) => {
            expect(unpacked(layout, b)).toEqual(given[index]!.map((id, position) => ({ id, position })));
            return index;
          }),
        );
        expect(seen.sort((a, b) => a - b)).toEqual(given.map((_, i) => i));
      }),
    );
  });

  it('stay within the limits unless one sequence alone exceeds them', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        for (const layout of batchSequences(given, limits, { sharePrefixes })) {
          if (layout.sequences.length === 1) continue;
          expect(layout.ids.length).toBeLessThanOrEqual(limits.tokens);
          expect(layout.sequences.length * limits.heads * paddingOf(layout).longest ** 2).toBeLessThanOrEqual(
            limits.scores,
          );
        }
      }),
    );
  });

  it('name a place in the padded layout for each packed row', () => {
    fc.assert(
      fc.property(sequences, (given) => {
        for (const layout of batchSequences(given, limits, { sharePrefixes })) {
          const { pad, unpad } = paddingOf(layout);
          expect([...unpad].map((place) => pad[place])).toEqual([...unpad.keys()]);
        }
      }),
    );
  });
});

it('are as many as run side by side, however few tokens there are', () => {
  const four = [1, 2, 3, 4].map((id) => [id, id, id, id]);
  const lengths = (lanes: number) =>
    batchSequences(four, { ...limits, lanes }).map(({ sequences }) => sequences.length);
  expect(lengths(1)).toEqual([4]);
  expect(lengths(2)).toEqual([2, 2]);
  expect(lengths(4)).toEqual([1, 1, 1, 1]);
  const answers = [5, 6].map((id) => [1, 1, 1, 1, 1, 1, id]);
  const shared = batchSequences(
    [...answers, [2, 2, 2, 2, 2, 2, 2, 2]],
    { ...limits, lanes: 2 },
    {
      sharePrefixes: true,
    },
  );
  expect(shared.map(({ sequences }) => sequences)).toEqual([[0, 1], [2]]);
});
