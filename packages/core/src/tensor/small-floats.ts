/** What the codes of floating-point numbers of few bits stand for, by code. All of them are exact in fp32. */

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
