import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignWidths } from './align.js';

const free = (...targets: number[]) => targets.map((target) => ({ target, least: 0, most: 256 }));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('alignWidths', () => {
  test('changes nothing by multiples of 1', () => {
    expect(alignWidths(free(3, 0, 256, 17), 1)).toEqual([3, 0, 256, 17]);
  });

  test('rounds a lone width to the nearest multiple, up from the middle', () => {
    expect([0, 31, 32, 95, 96, 250].map((target) => alignWidths(free(target), 64)[0])).toEqual([
      0, 0, 64, 64, 128, 256,
    ]);
  });

  test('rounds up those with the largest remainders', () => {
    expect(alignWidths(free(70, 100, 120, 94), 64)).toEqual([64, 128, 128, 64]);
  });

  test('keeps an expert whole whose width is no multiple', () => {
    const experts = [
      { target: 100, least: 0, most: 100 },
      { target: 90, least: 0, most: 100 },
    ];
    expect(alignWidths(experts, 64)).toEqual([100, 100]);
  });

  test('rounds up to what must stay, and takes it from others', () => {
    const experts = [
      { target: 10, least: 10, most: 256 },
      { target: 10, least: 10, most: 256 },
      { target: 236, least: 0, most: 256 },
    ];
    expect(alignWidths(experts, 64)).toEqual([64, 64, 128]);
  });

  test('meets the sum as nearly as multiples allow, between the bounds', () => {
    const expert = fc
      .record({ steps: fc.integer({ min: 0, max: 4 }), kept: fc.double({ min: 0, max: 1, noNaN: true }) })
      .map(({ steps, kept }) => ({ target: Math.floor(kept * 64 * steps), least: 0, most: 64 * steps }));
    fc.assert(
      fc.property(fc.array(expert, { minLength: 1, maxLength: 12 }), (experts) => {
        const widths = alignWidths(experts, 64);
        expect(Math.abs(sum(widths) - sum(experts.map(({ target }) => target)))).toBeLessThanOrEqual(32);
        for (const [e, width] of widths.entries()) {
          expect(width % 64).toBe(0);
          expect(Math.abs(width - experts[e]!.target)).toBeLessThanOrEqual(64);
          expect(width).toBeLessThanOrEqual(experts[e]!.most);
        }
      }),
    );
  });

  test('never falls below what must stay', () => {
    const expert = fc
      .record({ most: fc.integer({ min: 0, max: 300 }), target: fc.nat(), least: fc.nat() })
      .map(({ most, target, least }) => {
        const wide = target % (most + 1);
        return { most, target: wide, least: least % (wide + 1) };
      });
    fc.assert(
      fc.property(
        fc.array(expert, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(1, 64, 128, 256),
        (experts, align) => {
          for (const [e, width] of alignWidths(experts, align).entries()) {
            const { least, most } = experts[e]!;
            expect(width).toBeGreaterThanOrEqual(least);
            expect(width % align === 0 || width === most).toBe(true);
          }
        },
      ),
    );
  });
});
