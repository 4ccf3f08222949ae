import {
  type BlockScaledExpr,
  operandsOf,
  rows,
  type StoredTensor,
  type TensorExpr,
} from '@moepress/core/tensor';
import type { Format } from './products.js';
import { codeBytes, codesTogether } from './row-kernels.js';
import { numberBytes, tileRows } from './tile-kernels.js';

/** What is read of a matrix, and how it is held. */
export type Readable =
  | { readonly format: Exclude<Format, 'mxfp4'>; readonly of: TensorExpr }
  /** The codes [rows, columns / 2] and the exponents of their scales [rows, columns / 32], a byte each. */
  | { readonly format: 'mxfp4'; readonly of: TensorExpr; readonly scales: TensorExpr };

const formats = { BF16: 'bf16', F16: 'f16', F32: 'f32' } as const;

/** Rows of the numbers that make up a block-scaled matrix, which are codes and no numbers by themselves. */
const codes = (of: StoredTensor, indices: readonly number[] | null): TensorExpr =>
  indices ? rows(of, indices) : of;

/**
 * How a matrix, or a vector, is held so that products with it are those of the graph; null: in no way. What is computed is
 * held in the type that it is rounded to.
 */
export function readableOf(expr: TensorExpr): Readable | null {
  if (!isExact(expr)) return null;
  const scaled = scaledRows(expr);
  if (scaled) {
    const { words, scales, indices } = scaled;
    return { format: 'mxfp4', of: codes(words, indices), scales: codes(scales, indices) };
  }
  const format = formats[expr.dtype as keyof typeof formats];
  return format ? { format, of: expr } : null;
}

/** Whether the bytes of an expression are what the graph computes with: an adapter is added in fp32 and never rounded. */
function isExact(expr: TensorExpr): boolean {
  return expr.kind !== 'low-rank' && expr.kind !== 'parameter' && operandsOf(expr).every(isExact);
}

/** The codes and scales of a matrix of four-bit floats, 32 of which share a power of two, or of rows of one. */
function scaledRows(expr: TensorExpr): {
  readonly words: StoredTensor;
  readonly scales: StoredTensor;
  readonly indices: readonly number[] | null;
} | null {
  const of = expr.kind === 'rows' ? expr.of : expr;
  if (of.kind !== 'block-scaled' || !isMxfp4(of) || of.shape[1]! % codesTogether !== 0) return null;
  if (of.of.kind !== 'unpacked' || of.scales.kind !== 'stored') return null;
  return { words: of.of.of, scales: of.scales, indices: expr.kind === 'rows' ? expr.indices : null };
}

/** Whether a matrix means in BF16 what its codes and scales do, whatever names they are stored by. */
const isMxfp4 = ({ format, dtype }: BlockScaledExpr): boolean =>
  dtype === 'BF16' && (format === 'mxfp4' || format === 'mxfp4-pack-quantized');

/** Bytes that some rows of a matrix take, without their scales and with them. */
export function heldBytes(
  { format }: Readable,
  count: number,
  columns: number,
): { readonly numbers: number; readonly all: number } {
  if (format !== 'mxfp4') {
    const bytes = aligned(Math.ceil(count / tileRows) * tileRows * columns * numberBytes[format]);
    return { numbers: bytes, all: bytes };
  }
  const groups = (count * columns) / codesTogether;
  const numbers = aligned(groups * codeBytes);
  return { numbers, all: numbers + aligned(4 * groups) };
}

/** Rows begin where a line of a core's cache does. */
const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;
