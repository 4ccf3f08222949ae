import type { Rope } from '@moepress/core';

/**
 * Cosine and sine of the rotary angles of the given positions, [T, dim / 2] each. Angles are rounded
 * to fp32 at the points where transformers rounds them, because at long positions that shows.
 */
export function rotaryTables(rope: Rope, positions: Int32Array): { cos: Float32Array; sin: Float32Array } {
  const half = rope.dim / 2;
  const frequencies = Float32Array.from(
    { length: half },
    (_, i) => 1 / Math.fround(rope.theta ** ((2 * i) / rope.dim)),
  );
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  positions.forEach((position, t) => {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[t * half + i] = Math.cos(angle);
      sin[t * half + i] = Math.sin(angle);
    }
  });
  return { cos, sin };
}
