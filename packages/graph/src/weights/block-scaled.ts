import {
  type BlockScaledExpr,
  e2m1Values,
  e4m3Values,
  type Graph,
  type StoredTensor,
  type Value,
} from '@moepress/core';
import { cast, mul, plusNumber, powerOfTwo } from '../ops/math.js';
import { expand, gather, padEnd, reshape, slice, unsqueeze } from '../ops/shape.js';

/**
 * The BF16 matrix that a `BlockScaledExpr` means, or some `rows` of it (int64), which are taken
 * before anything is converted.
 */
export function blockScaled(graph: Graph, expr: BlockScaledExpr, rows: Value | null = null): Value {
  const { format, of, scales, block, shape } = expr;
  const [height, width] = shape as [number, number];
  const taken = rows ? Number(rows.shape[0]) : height;
  const take = (a: Value) => (rows ? gather(a, rows) : a);
  const blocks = scales.shape[1]!;

  // ONNX Runtime casts 8-bit floats three times as fast as a table yields them, but gathers none.
  const values =
    format === 'fp8' && !rows
      ? cast(external(graph, of, 'float8e4m3fn'), 'float32')
      : lookUp(tables[format](graph), take(external(graph, of, 'uint8')), width);
  const factors =
    format === 'mxfp4'
      ? powerOfTwo(plusNumber(cast(take(external(graph, scales, 'uint8')), 'float32'), -127))
      : take(repeatRows(external(graph, scales, 'float32'), block, height));
  const byBlock = reshape(padEnd(values, 1, blocks * block), [taken, blocks, block]);
  const scaled = reshape(mul(byBlock, unsqueeze(factors, 2)), [taken, blocks * block]);
  // Rounded like the values of a checkpoint written from the same expression.
  return cast(slice(scaled, 1, 0, width), 'bfloat16');
}

/** The numbers that each of the 256 bytes stands for. */
const tables = {
  /** E2M1 twice, the lower half of the byte first, [256, 2]. */
  mxfp4: (graph: Graph) => {
    const halves = Array.from({ length: 256 }, (_, byte) => [e2m1Values[byte & 15]!, e2m1Values[byte >> 4]!]);
    return graph.constant(halves.flat(), [256, 2], 'float32');
  },
  /** [256] */
  fp8: (graph: Graph) => graph.constant(e4m3Values, [256], 'float32'),
};

/** The entries of a table [256] or [256, n] for each byte, concatenated. */
function lookUp(table: Value, bytes: Value, width: number): Value {
  return reshape(gather(table, cast(bytes, 'int32')), [Number(bytes.shape[0]), width]);
}

/** Each row of a matrix repeated `times` times, up to `height` rows. */
function repeatRows(a: Value, times: number, height: number): Value {
  const [count, width] = a.shape as number[];
  const repeated = reshape(expand(unsqueeze(a, 1), 1, times), [count! * times, width!]);
  return slice(repeated, 0, 0, height);
}

function external(graph: Graph, tensor: StoredTensor, dtype: 'uint8' | 'float8e4m3fn' | 'float32'): Value {
  const { name, shape, file, offset, length } = tensor;
  return graph.external(name, dtype, shape, { file, offset, length });
}
