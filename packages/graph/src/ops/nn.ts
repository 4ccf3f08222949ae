import type { Dim, Value } from '@moepress/core';
import { broadcast, intVector } from './dims.js';
import { add, greater } from './math.js';
import { reshape, sizeOf, transpose, where } from './shape.js';

/** x [n, in] times W [out, in] transposed, as Hugging Face stores it, plus bias [out]. */
export function linear(x: Value, weight: Value, bias: Value | null = null): Value {
  // A shape cannot infer one size if another is 0.
  if (x.graph.fewRows === null || weight.shape.includes(0)) {
    return x.graph.op('Gemm', bias ? [x, weight, bias] : [x, weight], {
      dtype: x.dtype,
      shape: [x.shape[0]!, weight.shape[0]!],
      attributes: { transB: 1 },
    });
  }
  const y = rowsOf(columnProduct(weight, columnsOf(x)));
  return bias ? add(y, bias) : y;
}

/**
 * x [n, in] as columns: up to `fewRows` rows as a batch of single columns [n, in, 1], more as one matrix [1, in, n]. The
 * shape names the latter.
 */
export function columnsOf(x: Value): Value {
  const [rows, width] = x.shape as [Dim, number];
  const few = x.graph.constant([x.graph.fewRows! + 1], [1], 'int64');
  const shape = where(greater(few, sizeOf(x, 0)), intVector(x, [-1, 1, width]), intVector(x, [1, -1, width]));
  return transpose(x.graph.op('Reshape', [x, shape], { shape: [1, rows, width] }), [0, 2, 1]);
}

/** W [out, in] times columns, as `columnsOf` makes them: those of the products. */
export function columnProduct(weight: Value, columns: Value): Value {
  return weight.graph.op('MatMul', [weight, columns], {
    dtype: columns.dtype,
    shape: [1, weight.shape[0]!, columns.shape[2]!],
  });
}

/** Columns, as `columnProduct` yields them, as rows [n, out]. */
export function rowsOf(columns: Value): Value {
  const [, width, rows] = columns.shape as [Dim, number, Dim];
  return reshape(transpose(columns, [0, 2, 1]), [-1, width], [rows, width]);
}

/** aᵀb [p, q] of a [n, p] and b [n, q]: a product summed over rows. */
export function transposedProduct(a: Value, b: Value): Value {
  return a.graph.op('Gemm', [a, b], { shape: [a.shape[1]!, b.shape[1]!], attributes: { transA: 1 } });
}

/** Batched product of [.., m, k] and [.., k, n]; of sizes before these, 1 may stand against a longer one. */
export function matmul(a: Value, b: Value): Value {
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return a.graph.op('MatMul', [a, b], { shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!] });
}

/** Batched product of a [.., m, k] with the transpose of b [.., n, k], times a number: [.., m, n]. */
export function scaledProduct(a: Value, b: Value, scale: number): Value {
  return a.graph.op('FusedMatMul', [a, b], {
    domain: 'com.microsoft',
    shape: [...a.shape.slice(0, -1), b.shape.at(-2)!],
    attributes: { transB: 1, alpha: { float: scale } },
  });
}

export function softmax(a: Value, axis = -1): Value {
  return a.graph.op('Softmax', [a], { attributes: { axis } });
}

/** Natural logarithm of the softmax. */
export function logSoftmax(a: Value, axis = -1): Value {
  return a.graph.op('LogSoftmax', [a], { attributes: { axis } });
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis. */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  return x.graph.op('RMSNormalization', [x, weight], {
    attributes: { axis: -1, epsilon: { float: epsilon } },
  });
}

/** (x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias over the last axis; it has no derivative here. */
export function layerNorm(
  x: Value,
  weight: Value,
  { bias, epsilon }: { readonly bias: Value | null; readonly epsilon: number },
): Value {
  return x.graph.op('LayerNormalization', bias ? [x, weight, bias] : [x, weight], {
    attributes: { axis: -1, epsilon: { float: epsilon } },
  });
}
