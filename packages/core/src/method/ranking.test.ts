import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { means, spreadOf, topIndices } from './ranking.js';

const numbers = (n: number) => fc.float64Array({ minLength: n, maxLength: n, min: 0, max: 1e6, noNaN: true });

describe('topIndices', () => {
  test('of equal values the lower index counts as higher', () => {
    expect(topIndices(Float64Array.of(0, 1, 0, 1, 0), 3)).toEqual([0, 1, 3]);
    expect(topIndices(Float64Array.of(0, 0, 0), 2)).toEqual([0, 1]);
  });

  test('nothing left out is higher than anything chosen', () => {
    fc.assert(
      fc.property(numbers(9), fc.integer({ min: 1, max: 9 }), (scores, count) => {
        const chosen = new Set(topIndices(scores, count));
        expect(chosen.size).toBe(count);
        const worst = Math.min(...[...chosen].map((e) => scores[e]!));
        expect(scores.every((score, e) => chosen.has(e) || score <= worst)).toBe(true);
      }),
    );
  });
});

test('means are sums over counts, and something else where nothing was counted', () => {
  const [sums, counts] = [Float64Array.of(2, 0, 3), Float64Array.of(4, 0, 2)];
  expect([...means(sums, counts)]).toEqual([0.5, 0, 1.5]);
  expect([...means(sums, counts, Number.NaN)]).toEqual([0.5, Number.NaN, 1.5]);
});

test('a spread has the middle value, or the mean of the two in the middle', () => {
  expect(spreadOf([10, 9, 1])).toEqual({ min: 1, median: 9, max: 10 });
  expect(spreadOf([4, 1, 2, 3])).toEqual({ min: 1, median: 2.5, max: 4 });
});
