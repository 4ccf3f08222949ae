/** What the codes of floating-point numbers of few bits stand for, by code. All of them are exact in fp32. */
import type { CodeType } from './quantised-types.js';

const e2m1Magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/** E2M1 [16]: sign, two bits of exponent, one of fraction (OCP Microscaling Formats 1.0, section 5.3.3). */
export const e2m1Values: readonly number[] = [...e2m1Magnitudes, ...e2m1Magnitudes.map((value) => -value)];

/** E4M3 without infinities [256]: sign, four bits of exponent with bias 7, three of fraction (arXiv 2209.05433). */
export const e4m3Values: readonly number[] = Array.from({ length: 256 }, (_, code) => {
  const [sign, exponent, fraction] = [code >> 7, (code >> 3) & 15, code & 7];
  if (exponent === 15 && fraction === 7) return Number.NaN;
  const magnitude = exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10);
  return sign ? -magnitude : magnitude;
});

/** What the codes of each type stand for, by code: 16 values for four bits, 256 for eight. */
export const codeValues: Readonly<Record<CodeType, readonly number[]>> = {
  e2m1: e2m1Values,
  e4m3: e4m3Values,
  i8: Array.from({ length: 256 }, (_, code) => (code < 128 ? code : code - 256)),
  u4: Array.from({ length: 16 }, (_, code) => code),
  u8: Array.from({ length: 256 }, (_, code) => code),
};
