import type { BlockScaledExpr } from '@moepress/core';
import { fromFloat32 } from './float.js';

/** Bytes of whole rows, and of the scales that belong to them. */
export interface BlockRows {
  /** The first row. */
  readonly first: number;
  readonly values: Uint8Array<ArrayBuffer>;
  readonly scales: Uint8Array<ArrayBuffer>;
}

/** Which rows of the scales the rows [from, to) of the matrix need. */
export function scaleRows({ format, block }: BlockScaledExpr, from: number, to: number): [number, number] {
  return format === 'mxfp4' ? [from, to] : [Math.floor(from / block), Math.ceil(to / block)];
}

/** The rows in BF16. */
export function decodeRows(
  { format, block, shape }: BlockScaledExpr,
  rows: BlockRows,
): Uint8Array<ArrayBuffer> {
  const width = shape[1]!;
  return fromFloat32(format === 'mxfp4' ? decodeMxfp4(rows) : decodeFp8(rows, width, block), 'BF16');
}

/** E2M1: sign, two bits of exponent, one of fraction (OCP Microscaling Formats 1.0, section 5.3.3). */
const magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
const e2m1 = Float32Array.from([...magnitudes, ...magnitudes.map((value) => -value)]);

/** Every 16 bytes are the 32 neighbours of one scale: 2^(byte - 127). */
function decodeMxfp4({ values, scales }: BlockRows): Float32Array<ArrayBuffer> {
  const out = new Float32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    const scale = 2 ** (scales[i >> 4]! - 127);
    out[2 * i] = e2m1[values[i]! & 15]! * scale;
    out[2 * i + 1] = e2m1[values[i]! >> 4]! * scale;
  }
  return out;
}

/** E4M3 without infinities: sign, four bits of exponent with bias 7, three of fraction (arXiv 2209.05433). */
const e4m3 = Float32Array.from({ length: 256 }, (_, byte) => {
  const [sign, exponent, fraction] = [byte >> 7, (byte >> 3) & 15, byte & 7];
  if (exponent === 15 && fraction === 7) return Number.NaN;
  const magnitude = exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10);
  return sign ? -magnitude : magnitude;
});

function decodeFp8(
  { first, values, scales }: BlockRows,
  width: number,
  block: number,
): Float32Array<ArrayBuffer> {
  const factors = new Float32Array(scales.buffer, scales.byteOffset, scales.length / 4);
  const perRow = Math.ceil(width / block);
  const firstBlock = Math.floor(first / block);
  const out = new Float32Array(values.length);
  for (let row = 0; row * width < values.length; row++) {
    const above = (Math.floor((first + row) / block) - firstBlock) * perRow;
    for (let column = 0; column < width; column++) {
      const i = row * width + column;
      out[i] = e4m3[values[i]!]! * factors[above + Math.floor(column / block)]!;
    }
  }
  return out;
}
