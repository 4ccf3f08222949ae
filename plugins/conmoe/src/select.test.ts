import { describe, expect, test } from 'vitest';
import { minMax, replaceabilityOf, scoresOf } from './select.js';

describe('selection', () => {
  test('replaceability is the distance to the nearest other expert', () => {
    // biome-ignore format: a matrix
    const distances = Float64Array.from([
      0, 3, 1,
      3, 0, 2,
      1, 2, 0,
    ]);
    expect([...replaceabilityOf(distances, 3)]).toEqual([1, 2, 1]);
    expect([...replaceabilityOf(Float64Array.of(0), 1)]).toEqual([0]);
  });

  test('min-max runs from 0 to 1 and keeps the order', () => {
    expect([...minMax(Float64Array.of(2, 4, 3))].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([0, 1, 0.5]);
    expect([...minMax(Float64Array.of(5, 5))]).toEqual([0, 0]);
  });

  test('the lowest in either factor scores 0, the highest in both about 1', () => {
    const scores = scoresOf(Float64Array.of(0.1, 0.9, 0.5), Float64Array.of(1.4, 1.4, 1.2), 'score');
    expect(scores[0]).toBe(0);
    expect(scores[1]).toBeCloseTo(1, 6);
    expect(scores[2]).toBe(0);
  });

  test('REAP selection looks at the contribution alone', () => {
    const contribution = Float64Array.of(0.1, 0.9, 0.5);
    expect(scoresOf(contribution, Float64Array.of(9, 0, 0), 'reap')).toEqual(contribution);
  });
});
