import {
  type ConcatExpr,
  cols,
  constantNumbers,
  type DType,
  describe,
  elementCount,
  type Graph,
  type LowRankExpr,
  MoepressError,
  rows,
  type SelectExpr,
  type StoredTensor,
  type SumExpr,
  type TensorExpr,
  type Value,
} from '@moepress/core';
import { builderOf } from '../ir/builder.js';
import { add, cast, timesNumber } from '../ops/math.js';
import { matmul } from '../ops/nn.js';
import { concat, gather, transpose, zeros } from '../ops/shape.js';
import { blockScaled } from './block-scaled.js';
import { carried, carriedTable } from './carried.js';
import { ggmlWeight } from './ggml.js';

type FloatType = 'float32' | 'float16' | 'bfloat16' | 'float64';

const floatTypes: Partial<Record<DType, FloatType>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  F64: 'float64',
};

/**
 * A weight in a graph: stored bytes are mapped from their file in their own type, rows and columns
 * are gathered before they are turned and cast to `dtype`, so that only what is used is ever converted. Only the
 * columns of a block-scaled matrix come after the conversion of its rows.
 * Throws `TENSOR_DTYPE` for types that hold no weights.
 */
export function weight(graph: Graph, expr: TensorExpr, dtype: 'float32' | 'float64' = 'float32'): Value {
  if (carriesWeight(graph, expr)) return cast(carried(builderOf(graph), expr, 'float32'), dtype);
  return cast(storedWeight(graph, expr), dtype);
}

/** Nothing is brought along of a tensor without elements, or of what stands in the graph itself. */
const isCarried = (expr: TensorExpr): boolean =>
  expr.kind !== 'zeros' && expr.kind !== 'constant' && elementCount(expr.shape) > 0;

/** Whether the products with a weight are those of a graph that brings it along. */
export const carriesWeight = (graph: Graph, expr: TensorExpr): boolean =>
  builderOf(graph).carries !== null && isCarried(expr);

/**
 * A weight in the type of its expression, for callers that use a few of its rows. A stored weight may be given
 * another `shape` with as many elements. A graph that brings its weights along has it in fp32 or fp16.
 */
export function storedWeight(graph: Graph, expr: TensorExpr, shape = expr.shape): Value {
  if (carriesWeight(graph, expr)) return carriedTable(builderOf(graph), expr);
  switch (expr.kind) {
    case 'stored':
      return mapped(graph, { ...expr, shape });
    case 'learned':
      return mapped(graph, { ...expr.stored, shape });
    case 'rows':
    case 'cols':
      return selected(graph, expr);
    case 'transpose':
      return turned(graph, expr.of);
    case 'block-scaled':
      return blockScaled(graph, expr);
    case 'ggml':
      return ggmlWeight(graph, expr);
    case 'concat':
      return joined(graph, expr);
    case 'sum':
      return summed(graph, expr);
    case 'low-rank':
      return adapted(graph, expr);
    case 'unpacked':
    case 'packed':
    case 'encoded':
      throw new TypeError(`Parts of quantised matrices are only written, not computed with: ${expr.kind}.`);
    case 'parameter':
      return graph.input(expr.name, 'float32', expr.shape);
    case 'constant':
      return cast(graph.constant([...constantNumbers(expr)], expr.shape, 'float32'), floatTypeOf(expr));
    case 'zeros':
      return zeros(graph, expr.shape, floatTypeOf(expr));
  }
}

/** The rows of a weight that `indices` name, of any shape, in the type of its expression: only they are computed. */
export function weightRows(graph: Graph, expr: TensorExpr, indices: Value): Value {
  return expr.kind === 'ggml' ? ggmlWeight(graph, expr, indices) : gather(storedWeight(graph, expr), indices);
}

/** Parts of different types, such as a trained tensor and a stored one, are converted to fp32. */
function joined(graph: Graph, { of, axis }: ConcatExpr): Value {
  const parts = of.map((part) => storedWeight(graph, part));
  const agree = parts.every(({ dtype }) => dtype === parts[0]!.dtype);
  return concat(agree ? parts : parts.map((part) => cast(part, 'float32')), axis);
}

/**
 * Computed in fp32 and rounded once to the type of its terms, as when it is written, so that a view is scored like
 * its checkpoint.
 */
function summed(graph: Graph, expr: SumExpr): Value {
  const { of, factors } = expr;
  const terms = of.map((term, i) => timesNumber(cast(storedWeight(graph, term), 'float32'), factors[i]!));
  return cast(
    terms.reduce((sum, term) => add(sum, term)),
    floatTypeOf(expr),
  );
}

/** The product of the two narrow matrices is as large as the wide one, but lasts only while it is added. */
function adapted(graph: Graph, { of, left, right, factor }: LowRankExpr): Value {
  const [wide, tall, flat] = [of, left, right].map((part) => weight(graph, part)) as [Value, Value, Value];
  return add(wide, timesNumber(matmul(tall, flat), factor));
}

function selected(graph: Graph, { kind, of, indices }: SelectExpr): Value {
  if (of.kind === 'transpose') return turned(graph, (kind === 'rows' ? cols : rows)(of.of, indices));
  const places = graph.constant(indices, [indices.length], 'int64');
  if (kind === 'rows' && of.kind === 'ggml') return ggmlWeight(graph, of, places);
  if (kind === 'rows' && of.kind === 'block-scaled') return blockScaled(graph, of, places);
  return gather(storedWeight(graph, of), places, kind === 'rows' ? 0 : 1);
}

const turned = (graph: Graph, of: TensorExpr): Value => transpose(storedWeight(graph, of), [1, 0]);

function mapped(graph: Graph, tensor: StoredTensor): Value {
  const { file, offset, length } = tensor;
  // ONNX Runtime cannot map an empty byte range.
  if (length === 0) return zeros(graph, tensor.shape, floatTypeOf(tensor));
  return graph.external(tensor.name, floatTypeOf(tensor), tensor.shape, { file, offset, length });
}

function floatTypeOf(expr: TensorExpr): FloatType {
  const type = floatTypes[expr.dtype];
  if (type) return type;
  throw new MoepressError('TENSOR_DTYPE', {
    message: `${describe(expr)} cannot be computed with.`,
    ...(expr.kind === 'stored' && { where: expr.file }),
  });
}
