import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectableDifference, mcnemar, pairedBootstrap, scoreInterval } from './paired-statistics.js';

describe('mcnemar', () => {
  it("gives the p-values of Fagerland, Lydersen and Laake's first example", () => {
    const { exact, midP } = mcnemar(1, 7);
    expect(exact).toBeCloseTo(18 / 256, 12);
    expect(midP).toBeCloseTo(10 / 256, 12);
  });

  it('sees nothing in equal counts', () => {
    expect(mcnemar(5, 5)).toEqual({ exact: 1, midP: 1 });
    expect(mcnemar(0, 0)).toEqual({ exact: 1, midP: 1 });
  });

  it('sums the binomial tail, either way round', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), (a, b) => {
        const pascal = [1];
        for (let n = 0; n < a + b; n++) {
          for (let k = pascal.push(0) - 1; k > 0; k--) pascal[k]! += pascal[k - 1]!;
        }
        const tail = pascal.slice(0, Math.min(a, b) + 1).reduce((sum, count) => sum + count, 0);
        expect(mcnemar(a, b).exact).toBeCloseTo(Math.min(1, (2 * tail) / 2 ** (a + b)), 9);
        expect(mcnemar(a, b)).toEqual(mcnemar(b, a));
        expect(mcnemar(a, b).midP).toBeLessThanOrEqual(mcnemar(a, b).exact);
      }),
    );
  });

  it('does not underflow on thousands of disagreements', () => {
    // The normal approximation with its continuity correction: z = 99 / sqrt(5000), p = 0.1615.
    expect(mcnemar(2450, 2550).exact).toBeCloseTo(0.1615, 3);
    expect(mcnemar(0, 5000).exact).toBe(0);
  });
});

describe('pairedBootstrap', () => {
  const options = { seed: 7, resamples: 2000 };
  const differences = [...Array(60).fill(1), ...Array(30).fill(-1), ...Array(910).fill(0)];

  it('agrees with the normal interval of a mean of many', () => {
    const { low, high, p } = pairedBootstrap(differences, options);
    // Mean 0.03, standard error sqrt((0.09 - 0.03 ** 2) / 1000) = 0.00944.
    expect(low).toBeCloseTo(0.03 - 1.96 * 0.00944, 2);
    expect(high).toBeCloseTo(0.03 + 1.96 * 0.00944, 2);
    expect(p).toBeLessThan(0.01);
  });

  it('gives the same for the same seed and mirrors with the sign', () => {
    const mirrored = pairedBootstrap(
      differences.map((value) => -value),
      options,
    );
    expect(pairedBootstrap(differences, options)).toEqual(pairedBootstrap(differences, options));
    expect(mirrored.p).toBe(pairedBootstrap(differences, options).p);
    expect(mirrored.low).toBeCloseTo(-pairedBootstrap(differences, options).high, 12);
  });

  it('has no interval where nothing differs', () => {
    expect(pairedBootstrap([0, 0, 0], options)).toEqual({ low: 0, high: 0, p: 1 });
  });
});

describe('scoreInterval', () => {
  /** log n! for small n. */
  const factorials = [0];
  for (let n = 1; n <= 200; n++) factorials.push(factorials[n - 1]! + Math.log(n));
  const trinomial = (n: number, a: number, b: number, [p, q]: readonly [number, number]) =>
    Math.exp(
      factorials[n]! -
        factorials[a]! -
        factorials[b]! -
        factorials[n - a - b]! +
        a * Math.log(p) +
        b * Math.log(q) +
        (n - a - b) * Math.log(1 - p - q),
    );
  /** How often the interval covers the true difference: a sum over all that may come. */
  const coverage = (n: number, p: readonly [number, number]) => {
    let sum = 0;
    for (let a = 0; a <= n; a++) {
      for (let b = 0; a + b <= n; b++) {
        const { low, high } = scoreInterval(n, a, b);
        if (low <= p[1] - p[0] && p[1] - p[0] <= high) sum += trinomial(n, a, b, p);
      }
    }
    return sum;
  };

  it.each([
    [8, [0.05, 0.2]],
    [20, [0.1, 0.05]],
    [60, [0.01, 0.04]],
    [60, [0.02, 0.03]],
    [60, [0.1, 0.25]],
  ] as const)('covers the difference of %i items with %j as it promises', (n, p) => {
    expect(coverage(n, p)).toBeGreaterThan(0.935);
  });

  it('agrees with the normal interval of many', () => {
    const { low, high } = scoreInterval(1000, 300, 360);
    const error = Math.sqrt((0.66 - 0.06 ** 2) / 1000);
    expect(low).toBeCloseTo(0.06 - 1.96 * error, 3);
    expect(high).toBeCloseTo(0.06 + 1.96 * error, 3);
  });

  it('is as wide as it must be where nothing differs', () => {
    const { low, high } = scoreInterval(60, 0, 0);
    // With no item of n, the difference d has the statistic n d / sqrt(n d (1 - d)): z^2 / (n + z^2).
    expect(high).toBeCloseTo(1.96 ** 2 / (60 + 1.96 ** 2), 4);
    expect(low).toBeCloseTo(-high, 12);
  });

  it('mirrors, and holds the difference', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(100), fc.nat(100), (n, a, b) => {
        fc.pre(a + b <= n);
        const { low, high } = scoreInterval(n, a, b);
        const mirrored = scoreInterval(n, b, a);
        expect(low).toBeCloseTo(-mirrored.high, 9);
        expect(low).toBeLessThanOrEqual((b - a) / n + 1e-12);
        expect(high).toBeGreaterThanOrEqual((b - a) / n - 1e-12);
        expect(low).toBeGreaterThanOrEqual(-1);
        expect(high).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('detectableDifference', () => {
  it("solves Connor's sample size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 20000 }),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        (n, share) => {
          const disagreements = Math.round(n * share);
          const psi = disagreements / n;
          const d = detectableDifference(n, disagreements)!;
          const needed = (1.959964 * Math.sqrt(psi) + 0.841621 * Math.sqrt(psi - d * d)) ** 2 / (d * d);
          expect(needed / n).toBeCloseTo(1, 5);
        },
      ),
    );
  });

  it('is about four points for a thousand items on which one in five disagrees', () => {
    expect(detectableDifference(1000, 200)).toBeCloseTo(0.03957, 5);
  });

  it('does not exist where the models hardly disagree', () => {
    expect(detectableDifference(1000, 0)).toBeNull();
    expect(detectableDifference(1000, 3)).toBeNull();
    expect(detectableDifference(2, 2)).toBeNull();
  });
});
