import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cosineDistances } from './affinity.js';
import { balanced, clustered, type Partition } from './partition.js';

const cases = fc.integer({ min: 1, max: 9 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    groups: fc.integer({ min: 1, max: n }),
    // Few values, so that many distances are equal.
    values: fc.array(fc.nat(3), { minLength: n * n, maxLength: n * n }),
    scores: fc.array(fc.nat(5), { minLength: n, maxLength: n }),
  }),
);

const symmetric = (n: number, values: readonly number[]) =>
  Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return i === j ? 0 : values[Math.min(i, j) * n + Math.max(i, j)]!;
  });

const membersOf = (partition: Partition) => partition.flat().sort((a, b) => a - b);

describe('partitions', () => {
  test('have exactly the number of groups, with everybody in one', () => {
    fc.assert(
      fc.property(cases, ({ n, groups, values, scores }) => {
        const distances = symmetric(n, values);
        for (const partition of [clustered(distances, groups), balanced(distances, scores, groups)]) {
          expect(partition).toHaveLength(groups);
          expect(partition.every(({ length }) => length > 0)).toBe(true);
          expect(membersOf(partition)).toEqual([...Array(n).keys()]);
        }
      }),
    );
  });

  test('that are balanced differ in size by one at most, each around one of the best', () => {
    fc.assert(
      fc.property(cases, ({ n, groups, values, scores }) => {
        const partition = balanced(symmetric(n, values), scores, groups);
        const sizes = partition.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
        const centres = new Set(order.slice(0, groups));
        for (const group of partition) expect(group.filter((member) => centres.has(member))).toHaveLength(1);
      }),
    );
  });

  test('by linkage put together what lies together', () => {
    const at = [0, 10, 0.1, 10.1, 5, 0.2];
    const distances = Float64Array.from(at.flatMap((a) => at.map((b) => Math.abs(a - b))));
    expect(clustered(distances, 3)).toEqual([[0, 2, 5], [1, 3], [4]]);
    // On average 5 is as far from the three as from the two; the pair that comes first wins.
    expect(clustered(distances, 2)).toHaveLength(2);
  });

  test('keep copies apart only as far as the number of groups demands', () => {
    const copies = new Float64Array(16);
    expect(clustered(copies, 2)).toEqual([[0, 1, 2], [3]]);
    expect(clustered(copies, 4)).toEqual([[0], [1], [2], [3]]);
  });
});

describe('cosineDistances', () => {
  test('are 0 between parallel vectors, 1 between orthogonal ones, 2 between opposite ones', () => {
    const vectors = [
      [1, 0],
      [3, 0],
      [0, 2],
      [-1, 0],
      [0, 0],
    ];
    const products = vectors.flatMap((a) => vectors.map((b) => a[0]! * b[0]! + a[1]! * b[1]!));
    const distances = cosineDistances(Float64Array.from(products));
    expect([...distances.subarray(0, 5)]).toEqual([0, 0, 1, 2, 1]);
    expect([...distances.subarray(20, 25)]).toEqual([1, 1, 1, 1, 0]);
  });
});
