import { elementCount, storedIn, type TensorExpr, type Value } from '@moepress/core';
import { builderOf, type GraphBuilder } from '../ir/builder.js';
import type { CarriedTensor, ElementType } from '../ir/graph-ir.js';
import { add, cast } from '../ops/math.js';
import { linear } from '../ops/nn.js';

/** Numbers of a row that share a scale where weights are quantised; what other programs expect of `MatMulNBits`. */
export const quantisedBlock = 32;

/** Bytes of a number of each type that weights are carried in. */
const bytesOfType = { float32: 4, float16: 2, uint8: 1 } as const;

/** A tensor that comes with the graph in its own file, as numbers of a floating-point type. */
export function carried(graph: GraphBuilder, expr: TensorExpr, dtype: 'float32' | 'float16'): Value {
  return carry(graph, dtype, expr.shape, { expr, form: dtype });
}

/** A tensor of which a few rows are used: half precision unless the graph brings its weights in fp32. */
export function carriedTable(graph: GraphBuilder, expr: TensorExpr): Value {
  return carried(graph, expr, graph.carries === 'fp32' ? 'float32' : 'float16');
}

/**
 * x [n, in] times a weight [out, in] transposed, plus a bias [out], in a graph that brings its weights along: the product is in
 * fp16 where they are, and by `MatMulNBits` where they have 4 bits. `exact`: weights of 8 bits in place of 4, and a product in fp32 with those in fp16.
 */
export function carriedProduct(
  x: Value,
  expr: TensorExpr,
  { bias = null, exact = false }: { readonly bias?: Value | null; readonly exact?: boolean } = {},
): Value {
  const graph = builderOf(x.graph);
  switch (graph.carries) {
    case 'q4':
      return withBias(quantisedProduct(graph, x, expr, exact ? 8 : 4), bias);
    case 'fp16': {
      const own = carried(graph, expr, 'float16');
      if (exact) return linear(x, cast(own, 'float32'), bias);
      return withBias(cast(linear(cast(x, 'float16'), own), 'float32'), bias);
    }
    default:
      return linear(x, carried(graph, expr, 'float32'), bias);
  }
}

const withBias = (y: Value, bias: Value | null): Value => (bias ? add(y, bias) : y);

function quantisedProduct(graph: GraphBuilder, x: Value, expr: TensorExpr, bits: 4 | 8): Value {
  const [out, width] = expr.shape as [number, number];
  const blocks = Math.ceil(width / quantisedBlock);
  const form = { bits, block: quantisedBlock } as const;
  const numbers = carry(graph, 'uint8', [out, blocks, (quantisedBlock * bits) / 8], {
    expr,
    form: { ...form, part: 'numbers' },
  });
  const scales = carry(graph, 'float32', [out * blocks], { expr, form: { ...form, part: 'scales' } });
  return graph.op('MatMulNBits', [x, numbers, scales], {
    domain: 'com.microsoft',
    shape: [x.shape[0]!, out],
    attributes: { K: width, N: out, bits, block_size: quantisedBlock },
  });
}

function carry(
  graph: GraphBuilder,
  dtype: ElementType & keyof typeof bytesOfType,
  shape: readonly number[],
  tensor: Omit<CarriedTensor, 'bytes'>,
): Value {
  const bytes = elementCount(shape) * bytesOfType[dtype];
  return graph.carry(`${nameOf(tensor.expr)}${suffixOf(tensor.form)}`, dtype, shape, { ...tensor, bytes });
}

/** The name in the checkpoint of the first tensor that is read. */
const nameOf = (expr: TensorExpr): string => storedIn(expr).next().value?.name ?? 'zeros';

function suffixOf(form: CarriedTensor['form']): string {
  if (form === 'float32') return '';
  return form === 'float16' ? '_fp16' : `_q${form.bits}${form.part === 'scales' ? '_scales' : ''}`;
}
