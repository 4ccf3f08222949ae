import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRng } from './rng.js';

describe('createRng', () => {
  // The values come from a second implementation in Python, itself checked against the published xoshiro128**
  // vectors.
  test.each([
    [0, [0.41675133265905573, 0.5870561741002205, 0.2650367332581032], [0, 6, 5, 7, 2, 1, 4, 3]],
    [42, [0.15377165265745885, 0.018084542542176507, 0.5348906284683476], [4, 7, 6, 2, 5, 3, 0, 1]],
    [2 ** 32 - 1, [0.9555830018603452, 0.2682696548492096, 0.8580147783595625], [3, 6, 2, 0, 4, 5, 1, 7]],
  ])('seed %i gives known numbers', (seed, numbers, permutation) => {
    const rng = createRng(seed);
    expect(numbers.map(() => rng.next())).toEqual(numbers);
    expect(createRng(seed).permutation(8)).toEqual(permutation);
  });

  test('a permutation holds every index once', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(50), (seed, n) => {
        const order = createRng(seed).permutation(n);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  test('every order of three is about equally likely', () => {
    const rng = createRng(7);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = rng.permutation(3).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    // Binomial(6000, 1/6): mean 1000, standard deviation 29.
    expect([...counts.values()].every((count) => Math.abs(count - 1000) < 145)).toBe(true);
    expect(counts.size).toBe(6);
  });

  test('numbers lie in [0, 1) and average one half', () => {
    const rng = createRng(3);
    const numbers = Array.from({ length: 10_000 }, () => rng.next());
    expect(numbers.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(numbers.reduce((a, b) => a + b) / numbers.length).toBeCloseTo(0.5, 1);
  });
});
