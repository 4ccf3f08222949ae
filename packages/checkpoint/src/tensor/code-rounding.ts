import type { CodeType } from '@moepress/core/tensor';

/** Codes of the numbers next to `x`, of two the even one; numbers beyond the range become the last one in it. */
export const nearestCode: Readonly<Record<CodeType, (x: number) => number>> = {
  e2m1: (x) => fourBits(Math.abs(x)) | (x < 0 ? 8 : 0),
  e4m3: (x) => eightBits(Math.abs(x)) | (x < 0 ? 128 : 0),
  i8: (x) => roundToEven(clamp(x, -128, 127)) & 255,
  u4: (x) => roundToEven(clamp(x, 0, 15)),
  u8: (x) => roundToEven(clamp(x, 0, 255)),
};

/** The largest number of each type, and half the range of integers, by which symmetric scales are chosen. */
export const codeRange: Readonly<Record<CodeType, number>> = {
  e2m1: 6,
  e4m3: 448,
  i8: 127.5,
  u4: 7.5,
  u8: 127.5,
};

const clamp = (x: number, least: number, most: number): number => Math.min(most, Math.max(least, x));

export function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** 0, 0.5, 1, 1.5, 2, 3, 4, 6, by the middles between them. */
function fourBits(x: number): number {
  if (x < 1.75) return x <= 0.25 ? 0 : x < 0.75 ? 1 : x <= 1.25 ? 2 : 3;
  return x <= 2.5 ? 4 : x < 3.5 ? 5 : x <= 5 ? 6 : 7;
}

const float = new Float32Array(1);
const word = new Int32Array(float.buffer);

/** Below 2^-6 steps of 2^-9, above it three bits of fraction. */
function eightBits(x: number): number {
  if (Number.isNaN(x)) return 127;
  if (x < 2 ** -6) return roundToEven(x * 512);
  float[0] = x;
  const exponent = (word[0]! >> 23) - 127;
  return Math.min(126, ((exponent + 6) << 3) + roundToEven(x * 2 ** (3 - exponent)));
}
