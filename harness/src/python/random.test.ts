import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { PythonRandom } from './random.js';

describe('PythonRandom', () => {
  it('gives the numbers CPython gives for seed 42', () => {
    const random = new PythonRandom(42);
    expect([random.random(), random.random()]).toEqual([0.6394267984578837, 0.025010755222666936]);
  });

  it('seeds with both 32-bit digits of a large seed', () => {
    expect(new PythonRandom(2 ** 32 + 42).random()).not.toBe(new PythonRandom(42).random());
  });

  it('samples different elements of the population', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 300 }), fc.nat(30), (seed, n, wanted) => {
        const population = Array.from({ length: n }, (_, i) => i);
        const k = Math.min(wanted, n);
        const drawn = new PythonRandom(seed).sample(population, k);
        expect(new Set(drawn).size).toBe(k);
        expect(drawn.every((index) => index < n)).toBe(true);
      }),
    );
  });

  it('shuffles to a permutation', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(50), (seed, n) => {
        const items = Array.from({ length: n }, (_, i) => i);
        new PythonRandom(seed).shuffle(items);
        expect(items.toSorted((a, b) => a - b)).toEqual(items.map((_, i) => i));
      }),
    );
  });

  it('refuses to sample more than there is', () => {
    expect(() => new PythonRandom(1).sample([1, 2], 3)).toThrow(RangeError);
  });
});

interface Stream {
  seed: number;
  getrandbits32?: number[];
  random?: number[];
  shuffle_range20?: number[];
}

interface Draw {
  seed: number;
  n: number;
  k: number;
  draw: number;
  indices: number[];
}

describe.runIf(shared)('CPython, by its own draws', () => {
  it('agrees on raw bits, floats and shuffles', () => {
    for (const { seed, getrandbits32, random, shuffle_range20 } of golden<Stream>('python_mt19937.jsonl')) {
      const generator = new PythonRandom(seed);
      const items = Array.from({ length: 20 }, (_, i) => i);
      if (shuffle_range20) generator.shuffle(items);
      expect(getrandbits32?.map(() => generator.getrandbits(32))).toEqual(getrandbits32);
      expect(random?.map(() => generator.random())).toEqual(random);
      expect(shuffle_range20 && items).toEqual(shuffle_range20);
    }
  });

  it('agrees on successive samples', () => {
    const generators = new Map<string, PythonRandom>();
    for (const { seed, n, k, draw, indices } of golden<Draw>('python_random_sample.jsonl')) {
      const key = `${seed} ${n} ${k}`;
      if (draw === 0) generators.set(key, new PythonRandom(seed));
      const population = Array.from({ length: n }, (_, i) => i);
      expect(generators.get(key)!.sample(population, k), `${key}, draw ${draw}`).toEqual(indices);
    }
  });
});
