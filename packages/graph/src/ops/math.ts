import type { GraphDType, Value } from '@moepress/core';
import { elementTypes } from '../ir/graph-ir.js';
import { broadcast } from './dims.js';

const binary =
  (type: string) =>
  (a: Value, b: Value): Value =>
    a.graph.op(type, [a, b], { dtype: a.dtype, shape: broadcast(a.shape, b.shape) });

const comparison =
  (type: string) =>
  (a: Value, b: Value): Value =>
    a.graph.op(type, [a, b], { dtype: 'bool', shape: broadcast(a.shape, b.shape) });

export const add = binary('Add');
export const sub = binary('Sub');
export const mul = binary('Mul');
export const div = binary('Div');
export const equal = comparison('Equal');
export const greater = comparison('Greater');
/** Logical and of two bools. */
export const and = comparison('And');

export const neg = (a: Value): Value => a.graph.op('Neg', [a]);
export const sqrt = (a: Value): Value => a.graph.op('Sqrt', [a]);
export const reciprocal = (a: Value): Value => a.graph.op('Reciprocal', [a]);
export const exp = (a: Value): Value => a.graph.op('Exp', [a]);
/** Natural logarithm. */
export const log = (a: Value): Value => a.graph.op('Log', [a]);
export const sigmoid = (a: Value): Value => a.graph.op('Sigmoid', [a]);

export const square = (a: Value): Value => mul(a, a);

/** 2 ** x, exact for whole x. */
export const powerOfTwo = (a: Value): Value =>
  a.graph.op('Pow', [a.graph.constant([2], [], a.dtype), a], { shape: a.shape });

/** x * sigmoid(x) */
export const silu = (a: Value): Value => mul(a, sigmoid(a));

/** The error function, to single precision whatever the value's type: ONNX Runtime has no other. */
export function erf(a: Value): Value {
  const single = cast(a, 'float32');
  return cast(single.graph.op('Erf', [single]), a.dtype);
}

/** x Φ(x), Φ the normal distribution function (arXiv 1606.08415). */
export const gelu = (a: Value): Value =>
  mul(a, timesNumber(plusNumber(erf(timesNumber(a, Math.SQRT1_2)), 1), 0.5));

/**
 * The approximation 0.5 x (1 + tanh(u)) of `gelu`, u = sqrt(2 / π) (x + 0.044715 x³), in the form x sigmoid(2 u): the
 * same function, without a difference of numbers near one.
 */
export function geluTanh(a: Value): Value {
  const cubic = mul(a, plusNumber(timesNumber(square(a), 0.044715), 1));
  return mul(a, sigmoid(timesNumber(cubic, 2 * Math.sqrt(2 / Math.PI))));
}

/** The coarser approximation x sigmoid(1.702 x) of the same paper. */
export const geluSigmoid = (a: Value): Value => mul(a, sigmoid(timesNumber(a, 1.702)));

/** max(x, 0) */
export const relu = (a: Value): Value => a.graph.op('Relu', [a]);

/** Limits every element to [low, high]; null: no lower limit. */
export function clip(a: Value, low: number | null, high: number): Value {
  const limit = (value: number) => a.graph.constant([value], [], a.dtype);
  return a.graph.op('Clip', [a, low === null ? null : limit(low), limit(high)]);
}

/** The number becomes a literal of the value's type. */
export const timesNumber = (a: Value, factor: number): Value =>
  mul(a, a.graph.constant([factor], [], a.dtype));
export const plusNumber = (a: Value, term: number): Value => add(a, a.graph.constant([term], [], a.dtype));

/** Adds no node if the value already has the type. */
export function cast(a: Value, dtype: GraphDType): Value {
  if (a.dtype === dtype) return a;
  return a.graph.op('Cast', [a], { dtype, attributes: { to: elementTypes[dtype] } });
}
