import type { Value } from '@moepress/core';
import { gather, reshape } from './shape.js';

/** x [n, in] times W [out, in] transposed, as Hugging Face stores it, plus bias [out]. */
export function linear(x: Value, weight: Value, bias: Value | null = null): Value {
  const chunks = x.graph.rowChunksOf(x);
  const [inputs, outputs] = weight.shape.toReversed() as [number, number];
  // A shape cannot leave one size open and have another of 0.
  if (!chunks || inputs * outputs === 0) return product(x, weight, bias);
  const parts = x.graph.op('Reshape', [x, chunks.shapeFor(inputs)], { shape: [1, x.shape[0]!, inputs] });
  const each = (chunk: Value) => [product(gather(parts, chunk), weight, bias)];
  const [stacked] = x.graph.repeat(chunks.count, each, 1);
  return reshape(stacked!, [-1, outputs], [x.shape[0]!, outputs]);
}

function product(x: Value, weight: Value, bias: Value | null): Value {
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
