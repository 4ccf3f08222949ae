import type { Value } from '@moepress/core';

/** x [n, in] times W [out, in] transposed, as Hugging Face stores it, plus bias [out]. */
export function linear(x: Value, weight: Value, bias: Value | null = null): Value {
  return x.graph.op('Gemm', bias ? [x, weight, bias] : [x, weight], {
    dtype: x.dtype,
    shape: [x.shape[0]!, weight.shape[0]!],
    attributes: { transB: 1 },
  });
}

/** aᵀb [p, q] of a [n, p] and b [n, q]: a product summed over rows. */
export function transposedProduct(a: Value, b: Value): Value {
  return a.graph.op('Gemm', [a, b], { shape: [a.shape[1]!, b.shape[1]!], attributes: { transA: 1 } });
}

/** Batched product of [.., m, k] and [.., k, n]. */
export function matmul(a: Value, b: Value): Value {
  return a.graph.op('MatMul', [a, b], { shape: [...a.shape.slice(0, -1), b.shape.at(-1)!] });
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
