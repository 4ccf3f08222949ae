/**
 * The arithmetic of ggml's reference quantisers: fp32 after every operation, in their order, so that the bytes are theirs.
 */
export const f32 = Math.fround;

/** An fp32 number to the nearest whole number, ties to even, as adding 1.5 * 2^23 in fp32 does for the numbers here. */
export const nearest = (x: number): number => f32(x + 12_582_912) - 12_582_912;

/** To the nearest whole number, ties away from zero (`roundf`). */
export const roundAway = (x: number): number => {
  const size = Math.abs(x);
  const floor = Math.floor(size);
  const up = size - floor >= 0.5 ? floor + 1 : floor;
  return x < 0 ? -up : up;
};

export const clamp = (x: number, least: number, most: number): number => Math.min(most, Math.max(least, x));
