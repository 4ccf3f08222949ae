import type { Schedule } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scheduled } from './schedule.js';

const course = (schedule: Schedule, steps: number) =>
  Array.from({ length: steps }, (_, i) => scheduled(schedule, i + 1, steps));

const rounded = (values: number[]) => values.map((value) => Math.round(value * 1000) / 1000);

describe('the learning rate', () => {
  it('rises in a line, then stays or falls to its final share', () => {
    expect(rounded(course({ kind: 'constant', warmup: 0.4, final: 0 }, 5))).toEqual([0.5, 1, 1, 1, 1]);
    expect(rounded(course({ kind: 'linear', warmup: 0.2, final: 0.2 }, 5))).toEqual([1, 0.8, 0.6, 0.4, 0.2]);
    expect(rounded(course({ kind: 'cosine', warmup: 0, final: 0 }, 4))).toEqual([0.854, 0.5, 0.146, 0]);
  });

  it('never leaves what lies between nothing and its highest, and rises only at first', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('constant' as const, 'linear' as const, 'cosine' as const),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        (kind, warmup, final, steps) => {
          const rates = course({ kind, warmup, final }, steps);
          expect(rates.every((rate) => rate >= 0 && rate <= 1)).toBe(true);
          const peak = rates.indexOf(Math.max(...rates));
          const [up, down] = [rates.slice(0, peak + 1), rates.slice(peak)];
          expect(up).toEqual(up.toSorted((a, b) => a - b));
          expect(rounded(down)).toEqual(rounded(down.toSorted((a, b) => b - a)));
        },
      ),
    );
  });
});
