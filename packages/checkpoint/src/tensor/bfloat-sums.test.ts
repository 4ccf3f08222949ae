import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sumBfloats } from './bfloat-sums.js';
import { addScaled, encodeFloats, toFloat32 } from './float.js';

const bytesOf = (halves: Uint16Array<ArrayBuffer>) => new Uint8Array(halves.buffer);

/** The same sums number by number, all NaN as one. */
function plainly(terms: readonly Uint16Array<ArrayBuffer>[], factors: readonly number[]): string[] {
  const sum = new Float32Array(terms[0]!.length);
  for (const [k, term] of terms.entries()) addScaled(sum, bytesOf(term), 'BF16', factors[k]!);
  const halves = new Uint16Array(sum.length);
  encodeFloats(sum, 'BF16', bytesOf(halves));
  return shown(halves);
}

function summed(terms: readonly Uint16Array<ArrayBuffer>[], factors: readonly number[]): string[] {
  const values = bytesOf(Uint16Array.from(terms.flatMap((term) => [...term])));
  const target = new Uint16Array(terms[0]!.length);
  sumBfloats(values, Float32Array.from(factors), bytesOf(target));
  return shown(target);
}

/** Numbers by their bits, but for NaN: which of them results is left open. */
function shown(halves: Uint16Array<ArrayBuffer>): string[] {
  const values = toFloat32(bytesOf(halves), 'BF16');
  return [...halves].map((half, i) => (Number.isNaN(values[i]) ? 'NaN' : half.toString(16)));
}

it('adds up numbers of all kinds as one by one, to the last bit', () => {
  const kinds = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const others = Uint16Array.from(kinds, (i) => (i * 40_503 + 12_345) & 0xffff);
  for (const factors of [[1], [0.5, 0.5], [Math.fround(1 / 3), -7], [1e-20, 1e20], [0.1, 0.2, 0.7]]) {
    const terms = [kinds, others, kinds.toReversed()].slice(0, factors.length);
    expect(summed(terms, factors.map(Math.fround))).toEqual(plainly(terms, factors.map(Math.fround)));
  }
});

it('adds up as many terms and numbers as there are', () => {
  const shape = fc.tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 100 }), fc.nat());
  fc.assert(
    fc.property(shape, ([terms, count, seed]) => {
      let state = (seed % 2147483646) + 1;
      const next = () => {
        state = (state * 48271) % 2147483647;
        return state;
      };
      const of = Array.from({ length: terms }, () =>
        Uint16Array.from({ length: count }, () => next() & 0xbfff),
      );
      const factors = of.map(() => Math.fround(next() / 2 ** 31));
      expect(summed(of, factors)).toEqual(plainly(of, factors));
    }),
    { numRuns: 30 },
  );
});
