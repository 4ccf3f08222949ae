import { clamp, f32 } from './rounding.js';

/** Elements of a block. */
const size = 32;

/** Twice the sizes that four bits with a sign have (OCP Microscaling Formats 1.0, E2M1). */
const doubled = [0, 1, 2, 3, 4, 6, 8, 12] as const;

/** Blocks of a byte, the exponent of the scale plus 127, and 32 floats of four bits, the first half of them in the lower bits. */
export function quantiseMxfp4(values: Float32Array, target: Uint8Array): void {
  for (let begin = 0, at = 0; begin < values.length; begin += size, at += 17) {
    let most = 0;
    for (let i = begin; i < begin + size; i++) most = Math.max(most, Math.abs(values[i]!));
    const exponent = most === 0 ? 0 : clamp(Math.floor(f32(Math.log2(most))) + 125, 0, 254);
    const half = 2 ** (exponent - 128);
    target[at] = exponent;
    for (let i = 0; i < size / 2; i++) {
      const [low, high] = [values[begin + i]!, values[begin + i + size / 2]!];
      target[at + 1 + i] = nearestOf(low, half) | (nearestOf(high, half) << 4);
    }
  }
}

/** The float that is nearest, of two the smaller one; the fourth bit is the sign. */
function nearestOf(value: number, half: number): number {
  const own = Math.abs(value);
  let best = 0;
  let error = own;
  for (let i = 1; i < doubled.length; i++) {
    const other = Math.abs(f32(half * doubled[i]! - own));
    if (other >= error) continue;
    best = i;
    error = other;
  }
  return best > 0 && value < 0 ? best + 8 : best;
}
