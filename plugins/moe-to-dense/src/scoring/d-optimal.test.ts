import { topIndices } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meanDiagonal, scoredKernel, selectDOptimal } from './d-optimal.js';

/** log det of a symmetric positive definite matrix, by elimination. */
function logDet(matrix: readonly (readonly number[])[]): number {
  const rows = matrix.map((row) => [...row]);
  let sum = 0;
  for (const [i, pivot] of rows.entries()) {
    sum += Math.log(pivot[i]!);
    for (const row of rows.slice(i + 1)) {
      const factor = row[i]! / pivot[i]!;
      for (let j = i; j < rows.length; j++) row[j]! -= factor * pivot[j]!;
    }
  }
  return sum;
}

const among = (kernel: Float64Array, n: number, set: readonly number[], lambda: number) =>
  set.map((i) => set.map((j) => kernel[i * n + j]! + (i === j ? lambda : 0)));

const coordinate = fc.double({ min: -1, max: 1, noNaN: true });
/** Gram matrices of n vectors, with what is added to their diagonals. */
const kernels = fc
  .record({ n: fc.integer({ min: 2, max: 7 }), size: fc.integer({ min: 1, max: 6 }) })
  .chain(({ n, size }) => {
    const vectors = fc.array(fc.array(coordinate, { minLength: size, maxLength: size }), {
      minLength: n,
      maxLength: n,
    });
    return fc.record({ vectors, lambda: fc.double({ min: 0.05, max: 2, noNaN: true }) });
  })
  .map(({ vectors, lambda }) => ({ kernel: gramOf(vectors), n: vectors.length, lambda }));

const gramOf = (vectors: readonly (readonly number[])[]) =>
  Float64Array.from(vectors.flatMap((a) => vectors.map((b) => a.reduce((sum, x, i) => sum + x * b[i]!, 0))));

describe('selectDOptimal', () => {
  test('reports the determinant of what it chose', () => {
    fc.assert(
      fc.property(kernels, ({ kernel, n, lambda }) => {
        for (let count = 1; count <= n; count++) {
          const { selected, logDeterminant } = selectDOptimal(kernel, n, count, lambda);
          expect(new Set(selected).size).toBe(count);
          expect(logDeterminant).toBeCloseTo(logDet(among(kernel, n, selected, lambda)), 8);
        }
      }),
    );
  });

  test('takes in each step what raises it most, found by trying all', () => {
    fc.assert(
      fc.property(kernels, ({ kernel, n, lambda }) => {
        const { selected } = selectDOptimal(kernel, n, n, lambda);
        for (let step = 0; step < n; step++) {
          const before = selected.slice(0, step);
          const gainOf = (e: number) => logDet(among(kernel, n, [...before, e], lambda));
          const others = [...Array(n).keys()].filter((e) => !before.includes(e));
          expect(gainOf(selected[step]!)).toBeGreaterThan(Math.max(...others.map(gainOf)) - 1e-9);
        }
      }),
    );
  });

  test('with outputs that are orthogonal and of one length, it takes the highest scores', () => {
    fc.assert(
      fc.property(
        // So far apart that rounding does not decide.
        fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 3, maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        (scores, count) => {
          const n = scores.length;
          const gram = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 3 : 0));
          const kernel = scoredKernel(Float64Array.from(scores), gram);
          const { selected } = selectDOptimal(kernel, n, count, meanDiagonal(kernel, n) / count);
          expect(new Set(selected)).toEqual(new Set(topIndices(scores, count)));
        },
      ),
    );
  });

  test('does not take both of two copies first, though they score highest', () => {
    const gram = gramOf([
      [1, 0, 0],
      [1, 0, 0],
      [0, 0.8, 0],
      [0, 0, 0.6],
    ]);
    const scores = Float64Array.of(1, 1, 0.8, 0.6);
    const kernel = scoredKernel(scores, gram);
    expect(topIndices(scores, 2)).toEqual([0, 1]);
    expect(selectDOptimal(kernel, 4, 2, meanDiagonal(kernel, 4) / 2).selected).toEqual([0, 2]);
    expect(selectDOptimal(kernel, 4, 3, meanDiagonal(kernel, 4) / 3).selected).toEqual([0, 2, 3]);
  });

  test('goes on where nothing is left to gain', () => {
    expect(selectDOptimal(new Float64Array(9), 3, 2, 0).selected).toEqual([0, 1]);
  });
});
