import type { DType } from '@moepress/core/tensor';
import type { Bytes } from './buffers.js';

/**
 * fp32 to and from the storage types. JavaScript has neither bfloat16 nor, before Node 24, float16.
 * Typed arrays are little-endian like the file format on every platform Node supports well.
 */

/** Types that weights may have. */
export type FloatType = 'F32' | 'F16' | 'BF16';

export function isFloatType(dtype: DType): dtype is FloatType {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);

/** The values of `bytes`, whose `byteOffset` must suit the type; those of F32 are the same memory. */
export function toFloat32(bytes: Bytes, dtype: FloatType): Float32Array<ArrayBuffer> {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const values = new Float32Array(bytes.byteLength / 2);
  decodeHalves(halvesOf(bytes), dtype, values);
  return values;
}

/** `values` in `dtype`, each rounded to the nearest, ties to even; in F32 the same memory. */
export function fromFloat32(values: Float32Array<ArrayBuffer>, dtype: FloatType): Bytes {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new Uint8Array(2 * values.length);
  encodeFloats(values, dtype, bytes);
  return bytes;
}

/** The same into memory that is there; the `byteOffset` of `target` must suit the type. */
export function encodeFloats(values: Float32Array<ArrayBuffer>, dtype: FloatType, target: Bytes): void {
  if (dtype === 'F32') {
    target.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return;
  }
  const halves = halvesOf(target);
  // Signed, for sums of unsigned numbers are no integers to the processor.
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  if (dtype === 'BF16') for (let i = 0; i < words.length; i++) halves[i] = roundToBfloat(words[i]!);
  else for (let i = 0; i < words.length; i++) halves[i] = roundToHalf(words[i]!);
}

function halvesOf({ buffer, byteOffset, byteLength }: Bytes): Uint16Array<ArrayBuffer> {
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

/** Adds `factor` times the values of `bytes` to `sum`; product and sum are rounded to fp32. `byteOffset` as above. */
export function addScaled(
  sum: Float32Array<ArrayBuffer>,
  bytes: Bytes,
  dtype: FloatType,
  factor: number,
): void {
  if (dtype === 'F32') {
    const values = toFloat32(bytes, dtype);
    for (let i = 0; i < sum.length; i++) sum[i]! += Math.fround(values[i]! * factor);
    return;
  }
  const halves = halvesOf(bytes);
  if (dtype === 'F16') {
    const values = halfValues();
    for (let i = 0; i < sum.length; i++) sum[i]! += Math.fround(values[halves[i]!]! * factor);
    return;
  }
  for (let i = 0; i < sum.length; i++) {
    word[0] = halves[i]! << 16;
    sum[i]! += Math.fround(float[0]! * factor);
  }
}

function decodeHalves(
  halves: Uint16Array<ArrayBuffer>,
  dtype: 'F16' | 'BF16',
  values: Float32Array<ArrayBuffer>,
): void {
  if (dtype === 'F16') {
    const known = halfValues();
    for (let i = 0; i < halves.length; i++) values[i] = known[halves[i]!]!;
    return;
  }
  const words = new Int32Array(values.buffer, values.byteOffset, halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
}

let knownHalves: Float32Array | undefined;

/** The values of all halves. */
function halfValues(): Float32Array {
  knownHalves ??= Float32Array.from({ length: 65_536 }, (_, half) => halfToFloat(half));
  return knownHalves;
}

/** The bits of the exponent; all set in NaN and infinity, and in nothing else. */
const exponents = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 } as const;

/** Whether NaN or infinity is among the values; `byteOffset` as above. */
export function hasNonFiniteBytes({ buffer, byteOffset, byteLength }: Uint8Array, dtype: FloatType): boolean {
  const words =
    dtype === 'F32'
      ? new Uint32Array(buffer, byteOffset, byteLength / 4)
      : new Uint16Array(buffer, byteOffset, byteLength / 2);
  const exponent = exponents[dtype];
  for (let i = 0; i < words.length; i++) if ((words[i]! & exponent) === exponent) return true;
  return false;
}

/** The bits of an fp32 number rounded to those of a bfloat16. */
function roundToBfloat(bits: number): number {
  // Rounding could carry a NaN into infinity or zero.
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + roundingOf(bits, 16)) | 0) >>> 16;
}

/** What carries into bit `place` where the bits below it, dropped, would have been rounded up: ties to even. */
const roundingOf = (bits: number, place: number): number => (1 << (place - 1)) - 1 + ((bits >>> place) & 1);

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bits of an fp32 number rounded to those of a half. */
function roundToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 lies half way between the largest half, 65504, and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // From 2^-14 on halves are normal: the exponent's bias shrinks from 127 to 15. A carry makes it larger by itself.
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + roundingOf(magnitude, 13)) >>> 13);
  word[0] = magnitude;
  return sign | roundHalfToEven(float[0]! * 2 ** 24);
}

/** Exact for the products above: powers of two multiply without rounding. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
