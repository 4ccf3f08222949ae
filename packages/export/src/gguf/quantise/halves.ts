import { fromFloat32, toFloat32 } from '@moepress/checkpoint';

const value = new Float32Array(1);
const bits = new Uint8Array(2);

/** Writes a number as a half, rounded to nearest, ties to even, at `at`, and returns the number that was written. */
export function putHalf(target: Uint8Array, at: number, number: number): number {
  value[0] = number;
  bits.set(fromFloat32(value, 'F16'));
  target.set(bits, at);
  return toFloat32(bits, 'F16')[0]!;
}
