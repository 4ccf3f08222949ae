import { type BlockScaledExpr, e2m1Values, e4m3Values } from '@moepress/core/tensor';
import type { Bytes } from './buffers.js';
import { encodeFloats } from './float.js';

/** Bytes of whole rows, and of the scales that belong to them. */
export interface BlockRows {
  /** The first row. */
  readonly first: number;
  readonly values: Bytes;
  /** The scales, at an offset that is aligned for their type. */
  readonly scales: Bytes;
}

/** Which rows of the scales the rows [from, to) of the matrix need. */
export function scaleRows({ format, block }: BlockScaledExpr, from: number, to: number): [number, number] {
  return format === 'mxfp4' ? [from, to] : [Math.floor(from / block), Math.ceil(to / block)];
}

/** The rows in BF16 into `target`, whose `byteOffset` must be even. */
export function decodeRows({ format, block, shape }: BlockScaledExpr, rows: BlockRows, target: Bytes): void {
  const out = new Uint16Array(target.buffer, target.byteOffset, target.byteLength / 2);
  if (format === 'mxfp4') decodeMxfp4(rows, out);
  else decodeFp8(rows, shape[1]!, block, out);
}

let mxfp4Table: Uint16Array | undefined;

/** A table in BF16: the values of the sixteen codes under each of the 256 scales 2^(byte - 127). */
function mxfp4Values(): Uint16Array {
  mxfp4Table ??= bfloats(
    Float32Array.from({ length: 4096 }, (_, i) => e2m1Values[i & 15]! * 2 ** ((i >> 4) - 127)),
  );
  return mxfp4Table;
}

/** Every 16 bytes are the 32 neighbours of one scale. */
function decodeMxfp4({ values, scales }: BlockRows, out: Uint16Array): void {
  const table = mxfp4Values();
  for (let i = 0; i < values.length; i++) {
    const scale = scales[i >> 4]! << 4;
    out[2 * i] = table[scale | (values[i]! & 15)]!;
    out[2 * i + 1] = table[scale | (values[i]! >> 4)]!;
  }
}

/** Each square has a table of its own: what the 256 codes stand for under its factor. */
function decodeFp8(
  { first, values, scales }: BlockRows,
  width: number,
  block: number,
  out: Uint16Array,
): void {
  const factors = new Float32Array(scales.buffer, scales.byteOffset, scales.length / 4);
  const perRow = Math.ceil(width / block);
  const rows = values.length / width;
  const products = new Float32Array(256);
  const codes = new Uint16Array(256);
  for (let top = 0, above = 0; top < rows; above++) {
    const bottom = Math.min(rows, (Math.floor((first + top) / block) + 1) * block - first);
    for (let square = 0; square < perRow; square++) {
      const factor = factors[above * perRow + square]!;
      for (let code = 0; code < 256; code++) products[code] = e4m3Values[code]! * factor;
      encodeFloats(products, 'BF16', new Uint8Array(codes.buffer));
      const right = Math.min(width, (square + 1) * block);
      for (let row = top; row < bottom; row++) {
        const stop = row * width + right;
        for (let i = row * width + square * block; i < stop; i++) out[i] = codes[values[i]!]!;
      }
    }
    top = bottom;
  }
}

function bfloats(values: Float32Array<ArrayBuffer>): Uint16Array {
  const halves = new Uint16Array(values.length);
  encodeFloats(values, 'BF16', new Uint8Array(halves.buffer));
  return halves;
}
