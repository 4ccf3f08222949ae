import type { Value } from '@moepress/core';
import { cast, div, exp, greater, mul, neg, plusNumber, square, sub, timesNumber } from '../ops/math.js';
import { reduceSum } from '../ops/reduce.js';
import { unbroadcast, type Vjp } from './vjp.js';

/** Derivative of an operator with one input: the gradient from the input, the output and the output's gradient. */
const unary =
  (derive: (gradient: Value, x: Value, y: Value) => Value): Vjp =>
  ({ gradients, inputs, outputs }) => [derive(gradients[0]!, inputs[0]!, outputs[0]!)];

/** Derivative of an operator with two inputs that are broadcast against each other. */
const binary =
  (left: (g: Value, a: Value, b: Value) => Value, right: (g: Value, a: Value, b: Value) => Value): Vjp =>
  ({ gradients, inputs, wanted }) => {
    const [g, a, b] = [gradients[0]!, inputs[0]!, inputs[1]!];
    return [
      wanted[0] ? unbroadcast(left(g, a, b), a) : null,
      wanted[1] ? unbroadcast(right(g, a, b), b) : null,
    ];
  };

const isPositive = (x: Value): Value => greater(x, x.graph.constant([0], [], x.dtype));

export const elementwise: Readonly<Record<string, Vjp>> = {
  Add: binary(
    (g) => g,
    (g) => g,
  ),
  Sub: binary((g) => g, neg),
  Mul: binary(
    (g, _, b) => mul(g, b),
    (g, a) => mul(g, a),
  ),
  Div: binary(
    (g, _, b) => div(g, b),
    (g, a, b) => neg(div(mul(g, a), square(b))),
  ),
  Neg: unary(neg),
  Sigmoid: unary((g, _, y) => mul(g, mul(y, plusNumber(neg(y), 1)))),
  Relu: unary((g, x) => mul(g, cast(isPositive(x), g.dtype))),
  Erf: unary((g, x) => mul(g, timesNumber(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))),
  Sqrt: unary((g, _, y) => timesNumber(div(g, y), 0.5)),
  Reciprocal: unary((g, _, y) => neg(mul(g, square(y)))),
  Exp: unary((g, _, y) => mul(g, y)),
  Log: unary((g, x) => div(g, x)),
  Identity: unary((g) => g),
  Cast: unary((g, x) => cast(g, x.dtype)),
  Softmax: ({ gradients, outputs, node }) => {
    const [g, y] = [gradients[0]!, outputs[0]!];
    const weighted = reduceSum(mul(g, y), [Number(node.attributes.axis)], true);
    return [mul(y, sub(g, weighted))];
  },
  /** Outside the bounds the gradient is zero. */
  Clip: ({ gradients, inputs, outputs }) => {
    const [g, x] = [gradients[0]!, inputs[0]!];
    const inside = x.graph.op('Equal', [x, outputs[0]!], { dtype: 'bool' });
    return [mul(g, cast(inside, g.dtype)), null, null];
  },
};
