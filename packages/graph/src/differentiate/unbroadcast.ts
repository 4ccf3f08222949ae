import type { Value } from '@moepress/core';
import { reduceSum } from '../ops/reduce.js';

/** Sums a gradient over the axes along which `input` was repeated. */
export function unbroadcast(gradient: Value, input: Value): Value {
  const missing = gradient.shape.length - input.shape.length;
  const sameRank = missing === 0 ? gradient : reduceSum(gradient, [...Array(missing).keys()]);
  const repeated = input.shape.flatMap((size, axis) =>
    size === 1 && sameRank.shape[axis] !== 1 ? [axis] : [],
  );
  return repeated.length === 0 ? sameRank : reduceSum(sameRank, repeated, true);
}
