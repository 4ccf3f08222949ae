import fc from 'fast-check';
import { expect, test } from 'vitest';
import { solvePositive } from './linear.js';

const row = (n: number) =>
  fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: n, maxLength: n });

/** B Bᵀ + I / 10: symmetric, and far from singular. */
const positive = fc
  .array(row(4), { minLength: 4, maxLength: 4 })
  .map((b) =>
    b.map((x, i) => b.map((y, j) => x.reduce((sum, value, k) => sum + value * y[k]!, i === j ? 0.1 : 0))),
  );

test('solves what is solvable', () => {
  fc.assert(
    fc.property(positive, row(4), (matrix, right) => {
      const x = solvePositive(matrix, right);
      for (const [i, own] of matrix.entries()) {
        expect(own.reduce((sum, value, j) => sum + value * x[j]!, 0)).toBeCloseTo(right[i]!, 6);
      }
    }),
  );
});

test('shares between equals, and gives nothing where there is nothing', () => {
  const x = solvePositive(
    [
      [4, 4, 0],
      [4, 4, 0],
      [0, 0, 2],
    ],
    [8, 8, 3],
  );
  expect(x[0]! + x[1]!).toBeCloseTo(2, 6);
  expect(x[0]! / x[1]!).toBeCloseTo(1, 3);
  expect(x[2]).toBeCloseTo(1.5, 6);
  expect(solvePositive([[0]], [0])).toEqual([0]);
});
