import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromFloat32, toFloat32 } from './float.js';

const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
const all = (dtype: 'F16' | 'BF16') => toFloat32(new Uint8Array(halves.buffer), dtype);
const round = (value: number, dtype: 'F16' | 'BF16') =>
  new Uint16Array(fromFloat32(Float32Array.of(value), dtype).buffer)[0]!;

describe.each(['F16', 'BF16'] as const)('%s', (dtype) => {
  const values = all(dtype);
  const finite = [...values.keys()].filter((i) => i < 0x8000 && Number.isFinite(values[i]));

  it('comes back bit by bit from fp32', () => {
    const back = new Uint16Array(fromFloat32(values, dtype).buffer);
    const isSame = (half: number, i: number) =>
      Number.isNaN(values[i]) ? Number.isNaN(values[half]) : half === i;
    expect(back.findIndex((half, i) => !isSame(half, i))).toBe(-1);
  });

  it('rounds to the nearest, ties to even', () => {
    fc.assert(
      fc.property(fc.nat(finite.length - 2), (i) => {
        const [low, high] = [values[i]!, values[i + 1]!];
        const middle = (low + high) / 2;
        expect(round(middle, dtype)).toBe(i % 2 === 0 ? i : i + 1);
        expect(round(low + (high - low) * 0.4375, dtype)).toBe(i);
        expect(round(-(low + (high - low) * 0.5625), dtype)).toBe((i + 1) | 0x8000);
      }),
    );
  });

  it('overflows to infinity and keeps NaN', () => {
    expect(values[round(3.4e38, dtype)]).toBe(Number.POSITIVE_INFINITY);
    expect(values[round(Number.NEGATIVE_INFINITY, dtype)]).toBe(Number.NEGATIVE_INFINITY);
    expect(values[round(Number.NaN, dtype)]).toBeNaN();
  });
});

it('knows some values by heart', () => {
  expect(round(1 / 3, 'F16')).toBe(0x3555);
  expect(all('F16')[1]).toBe(2 ** -24);
  expect(round(65504, 'F16')).toBe(0x7bff);
  expect(round(65520, 'F16')).toBe(0x7c00);
  expect(all('BF16')[0x3f80]).toBe(1);
  expect(round(1 / 3, 'BF16')).toBe(0x3eab);
});
