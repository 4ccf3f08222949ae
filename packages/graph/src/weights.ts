import {
  type DType,
  describe,
  MoepressError,
  type StoredTensor,
  type TensorExpr,
  type Value,
} from '@moepress/core';
import type { GraphBuilder } from './builder.js';
import type { ElementType } from './ir.js';
import { gather, join } from './ops/layout.js';
import { cast, mul } from './ops/math.js';

const elementType: Partial<Record<DType, ElementType>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  F64: 'float64',
};

/**
 * A weight in a graph: stored bytes are mapped from their file in their own type, rows and columns
 * are gathered before the cast to `dtype`, so that only what is used is ever converted.
 * Throws `TENSOR_DTYPE` for types that hold no weights.
 */
export function weight(
  graph: GraphBuilder,
  expr: TensorExpr,
  dtype: 'float32' | 'float64' = 'float32',
): Value {
  return cast(storedWeight(graph, expr), dtype);
}

/** A weight in the type it is stored in, for those who take a few rows of it. */
export function storedWeight(graph: GraphBuilder, expr: TensorExpr): Value {
  switch (expr.kind) {
    case 'stored':
      return external(graph, expr);
    case 'learned':
      return external(graph, expr.stored);
    case 'rows':
    case 'cols': {
      const indices = graph.constant(expr.indices, [expr.indices.length], 'int64');
      return gather(storedWeight(graph, expr.of), indices, expr.kind === 'rows' ? 0 : 1);
    }
    case 'concat':
      return join(
        expr.of.map((part) => storedWeight(graph, part)),
        expr.axis,
      );
    case 'scale':
      return mul(cast(storedWeight(graph, expr.of), 'float32'), graph.constant([expr.by], [], 'float32'));
  }
}

function external(graph: GraphBuilder, tensor: StoredTensor): Value {
  const type = elementType[tensor.dtype];
  if (!type) {
    throw new MoepressError('TENSOR_DTYPE', {
      message: `${describe(tensor)} cannot be computed with.`,
      where: tensor.file,
    });
  }
  const { file, offset, length } = tensor;
  return graph.external(tensor.name, type, tensor.shape, { file, offset, length });
}
