import type { Value } from '@moepress/core';
import { div, mul, plusNumber, sqrt, square, sub } from '../ops/math.js';
import { matmul, transposedProduct } from '../ops/nn.js';
import { reduceMean, reduceSum } from '../ops/reduce.js';
import { transpose } from '../ops/shape.js';
import { unbroadcast, type Vjp } from './vjp.js';

/** a with its last two axes swapped. */
function flipped(a: Value): Value {
  const rank = a.shape.length;
  const order = [...a.shape.keys()].map((axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  return transpose(a, order);
}

export const products: Readonly<Record<string, Vjp>> = {
  /** y = x Wᵀ + b: x̄ = ȳ W, W̄ = ȳᵀ x, b̄ = Σ ȳ. */
  Gemm: ({ node, gradients, inputs, wanted }) => {
    if (node.attributes.transB !== 1) throw new RangeError(`${node.name}: only x Wᵀ has a derivative.`);
    const [g, x, w] = [gradients[0]!, inputs[0]!, inputs[1]!];
    return [
      wanted[0] ? matmul(g, w) : null,
      wanted[1] ? transposedProduct(g, x) : null,
      wanted[2] ? reduceSum(g, [0]) : null,
    ];
  },

  /** A leading axis of size 1 may be broadcast against a longer one. */
  MatMul: ({ gradients, inputs, wanted }) => {
    const [g, a, b] = [gradients[0]!, inputs[0]!, inputs[1]!];
    return [
      wanted[0] ? unbroadcast(matmul(g, flipped(b)), a) : null,
      wanted[1] ? unbroadcast(matmul(flipped(a), g), b) : null,
    ];
  },

  /** y = w x̂ with x̂ = x / r, r = sqrt(mean(x²) + ε): x̄ = (wȳ - x̂ mean(wȳ x̂)) / r, w̄ = Σ ȳ x̂. */
  RMSNormalization: ({ node, gradients, inputs, wanted }) => {
    const [g, x, w] = [gradients[0]!, inputs[0]!, inputs[1]!];
    const { float: epsilon } = node.attributes.epsilon as { float: number };
    const root = sqrt(plusNumber(reduceMean(square(x), [-1], true), epsilon));
    const unit = div(x, root);
    const scaled = mul(g, w);
    const along = mul(unit, reduceMean(mul(scaled, unit), [-1], true));
    const rowAxes = [...x.shape.keys()].slice(0, -1);
    return [div(sub(scaled, along), root), wanted[1] ? reduceSum(mul(g, unit), rowAxes) : null];
  },
};
