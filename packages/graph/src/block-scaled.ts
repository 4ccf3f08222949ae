import type { BlockScaledExpr, StoredTensor, Value } from '@moepress/core';
import type { GraphBuilder } from './builder.js';
import { expand, gather, reshape, slice, unsqueeze } from './ops/layout.js';
import { cast, mul, plusNumber, powerOfTwo } from './ops/math.js';

/**
 * The BF16 matrix that a `BlockScaledExpr` means, or some `rows` of it (int64), which are taken
 * before anything is converted. Bytes are looked up in a table, since ONNX Runtime gathers no 8-bit
 * floats and knows no 4-bit ones of this kind.
 */
export function blockScaled(graph: GraphBuilder, expr: BlockScaledExpr, rows: Value | null = null): Value {
  const { format, of, scales, block, shape } = expr;
  const [height, width] = shape as [number, number];
  const take = (a: Value) => (rows ? gather(a, rows) : a);
  const bytes = take(external(graph, of, 'uint8'));
  const values = reshape(
    gather(tables[format](graph), cast(bytes, 'int32')),
    [-1, width],
    [rows?.shape[0] ?? height, width],
  );
  const factors =
    format === 'mxfp4'
      ? powerOfTwo(plusNumber(cast(take(external(graph, scales, 'uint8')), 'float32'), -127))
      : take(repeatEach(external(graph, scales, 'float32'), 0, block, height));
  // Rounded like what a checkpoint written from the same expression holds.
  return cast(mul(values, repeatEach(factors, 1, block, width)), 'bfloat16');
}

/** The numbers that each of the 256 bytes stands for. */
const tables = {
  /** E2M1 twice, the lower half of the byte first (OCP Microscaling Formats 1.0, section 5.3.3), [256, 2]. */
  mxfp4: (graph: GraphBuilder) => {
    const halves = Array.from({ length: 256 }, (_, byte) => [e2m1(byte & 15), e2m1(byte >> 4)]);
    return graph.constant(halves.flat(), [256, 2], 'float32');
  },
  /** E4M3 without infinities (OCP 8-bit Floating Point, section 3.1), [256]. */
  fp8: (graph: GraphBuilder) =>
    graph.constant(
      Array.from({ length: 256 }, (_, byte) => e4m3(byte)),
      [256],
      'float32',
    ),
};

const e2m1 = (bits: number) => (bits & 8 ? -1 : 1) * [0, 0.5, 1, 1.5, 2, 3, 4, 6][bits & 7]!;

function e4m3(byte: number): number {
  const [exponent, mantissa] = [(byte >> 3) & 15, byte & 7];
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  const magnitude = exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10);
  return byte & 128 ? -magnitude : magnitude;
}

/** Each element along `axis` of a matrix `times` times in a row, as far as `size` reaches. */
function repeatEach(a: Value, axis: 0 | 1, times: number, size: number): Value {
  const count = Number(a.shape[axis]);
  const spread = expand(unsqueeze(a, axis + 1), axis + 1, times);
  const full = a.shape.with(axis, count * times);
  const target = full.map((n, i) => (i === axis ? count * times : typeof n === 'number' ? n : -1));
  const repeated = reshape(spread, target, full);
  return count * times === size ? repeated : slice(repeated, axis, 0, size);
}

function external(graph: GraphBuilder, tensor: StoredTensor, dtype: 'uint8' | 'float32'): Value {
  const { name, shape, file, offset, length } = tensor;
  return graph.external(name, dtype, shape, { file, offset, length });
}
