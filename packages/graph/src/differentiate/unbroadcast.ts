import type { Dim, Value } from '@moepress/core';
import { reshapeLike } from '../ops/layout.js';
import { reduceSum } from '../ops/reduce.js';

/** Sums a gradient over the axes along which `input` was repeated. */
export function unbroadcast(gradient: Value, input: Value): Value {
  const missing = gradient.shape.length - input.shape.length;
  const repeated = (dim: Dim, axis: number) =>
    axis < missing || (input.shape[axis - missing] === 1 && dim !== 1);
  const axes = gradient.shape.flatMap((dim, axis) => (repeated(dim, axis) ? [axis] : []));
  return axes.length === 0 ? gradient : reshapeLike(reduceSum(gradient, axes), input);
}
