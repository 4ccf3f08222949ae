import {
  type CodeType,
  codeValues,
  type Graph,
  type GraphDType,
  type Packing,
  perWord,
  type StoredTensor,
  type TensorExpr,
  type Value,
} from '@moepress/core';
import { cast } from '../ops/math.js';
import { gather, reshape, slice, transpose } from '../ops/shape.js';

/** How codes are read. */
export interface CodeReading {
  readonly code: CodeType;
  /** The rows that are wanted (int64); null or absent: all. */
  readonly rows?: Value | null;
  /** What is added to each code, within the numbers that its bits can hold. */
  readonly plus?: number;
}

/** What the codes of a matrix stand for, in fp32 [rows, columns]. Rows are taken before anything is converted. */
export function codesIn(graph: Graph, of: TensorExpr, { code, rows = null, plus = 0 }: CodeReading): Value {
  const table = codeValues[code];
  const values = table.map((_, i) => table[(i + plus) % table.length]!);
  const take = (a: Value) => (rows ? gather(a, rows) : a);
  if (of.kind === 'stored') {
    // ONNX Runtime casts 8-bit floats three times as fast as a table yields them, but gathers none.
    if (of.dtype === 'F8_E4M3' && !rows) return cast(external(graph, of, 'float8e4m3fn'), 'float32');
    return gather(graph.constant(values, [256], 'float32'), asIndices(take(external(graph, of, 'uint8'))));
  }
  if (of.kind !== 'unpacked')
    throw new TypeError(`Parts of quantised matrices are only written, not computed with: ${of.kind}.`);
  return wordValues(graph, of.of, { values, packing: of.packing, shape: of.shape as [number, number], take });
}

interface WordReading {
  /** What each code stands for. */
  readonly values: readonly number[];
  readonly packing: Packing;
  readonly shape: readonly [number, number];
  /** Takes the rows that are wanted. */
  readonly take: (a: Value) => Value;
}

function wordValues(graph: Graph, of: StoredTensor, { values, packing, shape, take }: WordReading): Value {
  const [height, width] = shape;
  const [tall, wide] = of.shape as [number, number];
  const count = perWord(packing);
  const bytes = packing.dtype === 'U8' ? 1 : 4;
  const table = tableOf(graph, values, packing.bits);
  if (packing.axis === 1) {
    const taken = take(external(graph, { ...of, shape: [tall, wide * bytes] }, 'uint8'));
    const rows = Number(taken.shape[0]);
    const looked = lookUp(table, taken, [rows, wide, count]);
    const ordered = packing.places
      ? gather(looked, graph.constant(packing.places, [count], 'int64'), 2)
      : looked;
    return slice(reshape(ordered, [rows, wide * count]), 1, 0, width);
  }
  const looked = lookUp(table, external(graph, { ...of, shape: [tall, wide * bytes] }, 'uint8'), [
    tall,
    wide,
    count,
  ]);
  const upright = reshape(transpose(looked, [0, 2, 1]), [tall * count, wide]);
  return take(slice(upright, 0, 0, height));
}

/** The numbers that each of the 256 bytes stands for, [256, codes in a byte], the lower half first. */
function tableOf(graph: Graph, values: readonly number[], bits: 4 | 8): Value {
  if (bits === 8) return graph.constant(values, [256, 1], 'float32');
  const halves = Array.from({ length: 256 }, (_, byte) => [values[byte & 15]!, values[byte >> 4]!]);
  return graph.constant(halves.flat(), [256, 2], 'float32');
}

/** The entries of a table [256, n] for each byte, in the given shape. */
const lookUp = (table: Value, bytes: Value, shape: readonly number[]): Value =>
  reshape(gather(table, asIndices(bytes)), shape);

const asIndices = (bytes: Value): Value => cast(bytes, 'int32');

/** A stored tensor as a type of the engine. */
export function external(graph: Graph, tensor: StoredTensor, dtype: GraphDType): Value {
  const { name, shape, file, offset, length } = tensor;
  return graph.external(name, dtype, shape, { file, offset, length });
}
