import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quantiseBlocks } from './quantise-blocks.js';

it.each([4, 8] as const)(
  'rounds to the nearest of %i bits, and keeps the number that sets the scale',
  (bits) => {
    const row = fc.array(fc.float({ noNaN: true, min: -100, max: 100 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(row, (numbers) => {
        const values = Float32Array.from(numbers);
        const { numbers: codes, scales } = quantiseBlocks(values, values.length, { bits, block: 8 });
        expect(scales).toHaveLength(Math.ceil(values.length / 8));
        for (const [i, value] of values.entries()) {
          const code = bits === 8 ? codes[i]! : (codes[i >> 1]! >> (4 * (i % 2))) & 15;
          const scale = scales[Math.floor(i / 8)]!;
          const error = Math.abs((code - 2 ** (bits - 1)) * scale - value);
          const block = values.subarray(i - (i % 8), i - (i % 8) + 8);
          const largest = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          // On the other side of zero one step is missing.
          const isCut = Math.sign(value) === Math.sign(scale) && Math.abs(value) > largest - Math.abs(scale);
          const bound = isCut ? 1 : 0.5;
          expect(error).toBeLessThanOrEqual(bound * Math.abs(scale) * (1 + 1e-5) + 1e-37);
          if (value === block.find((x) => Math.abs(x) === largest))
            expect(error).toBeLessThan(1e-6 * largest + 1e-37);
        }
      }),
      { numRuns: 50 },
    );
  },
);

it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  'marks a block with %f',
  (value) => {
    const values = Float32Array.from({ length: 24 }, (_, i) => (i === 9 ? value : i));
    const { scales } = quantiseBlocks(values, 24, { bits: 4, block: 8 });
    expect([...scales].map(Number.isNaN)).toEqual([false, true, false]);
  },
);
