import type { DType } from '@moepress/core';

/**
 * fp32 to and from the storage types. JavaScript has neither bfloat16 nor, before Node 24, float16.
 * Typed arrays are little-endian like the file format on every platform Node supports well.
 */

/** Types that weights may have. */
export type FloatType = 'F32' | 'F16' | 'BF16';

export function isFloatType(dtype: DType): dtype is FloatType {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The values of `bytes`, whose `byteOffset` must suit the type. */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: FloatType): Float32Array<ArrayBuffer> {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  if (dtype === 'BF16') {
    const words = new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
    return new Float32Array(words.buffer);
  }
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = halfToFloat(halves[i]!);
  return values;
}

/** `values` in `dtype`, each rounded to the nearest, ties to even. */
export function fromFloat32(values: Float32Array<ArrayBuffer>, dtype: FloatType): Uint8Array<ArrayBuffer> {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const round = dtype === 'BF16' ? floatToBfloat : floatToHalf;
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = round(values[i]!);
  return new Uint8Array(halves.buffer);
}

/** The bits of the exponent; all set in NaN and infinity, and in nothing else. */
const exponents = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 } as const;

/** Whether NaN or infinity is among the values; `byteOffset` as above. */
export function anyNotFinite({ buffer, byteOffset, byteLength }: Uint8Array, dtype: FloatType): boolean {
  const words =
    dtype === 'F32'
      ? new Uint32Array(buffer, byteOffset, byteLength / 4)
      : new Uint16Array(buffer, byteOffset, byteLength / 2);
  const exponent = exponents[dtype];
  for (let i = 0; i < words.length; i++) if ((words[i]! & exponent) === exponent) return true;
  return false;
}

function floatToBfloat(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  // Rounding could carry a NaN into infinity or zero.
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function floatToHalf(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(float[0]);
  if (Number.isNaN(magnitude)) return sign | 0x7e00;
  // Half way between the largest half, 65504, and the next power of two.
  if (magnitude >= 65520) return sign | 0x7c00;
  // Spacing of halves around the value; subnormals share that of the smallest normal.
  const exponent = Math.max(-14, ((bits >>> 23) & 0xff) - 127);
  const steps = roundHalfToEven(magnitude / 2 ** (exponent - 10));
  // A step count of 2048 carries into the exponent by itself.
  return sign | (steps + ((exponent + 14) << 10));
}

/** Exact for the quotients above: powers of two divide without rounding. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
