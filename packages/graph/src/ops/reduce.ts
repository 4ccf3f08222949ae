import type { Dim, Value } from '@moepress/core';
import { frontAxis, intVector } from './shapes.js';

function reducedShape(a: Value, axes: readonly number[], keepDims: boolean): Dim[] {
  const gone = new Set(axes.map((axis) => frontAxis(axis, a.shape.length)));
  return a.shape.flatMap((size, i) => (gone.has(i) ? (keepDims ? [1] : []) : [size]));
}

const reduction =
  (type: string) =>
  (a: Value, axes: readonly number[], keepDims = false): Value =>
    a.graph.op(type, [a, intVector(a, axes)], {
      shape: reducedShape(a, axes, keepDims),
      attributes: { keepdims: keepDims ? 1 : 0 },
    });

export const reduceSum = reduction('ReduceSum');
export const reduceSumSquare = reduction('ReduceSumSquare');
export const reduceMean = reduction('ReduceMean');
export const reduceMax = reduction('ReduceMax');
/** Euclidean length. */
export const reduceL2 = reduction('ReduceL2');
export const reduceLogSumExp = reduction('ReduceLogSumExp');

/** Where the largest element is, int64; the first of equals. */
export function argMax(a: Value, axis: number): Value {
  const shape = reducedShape(a, [axis], false);
  return a.graph.op('ArgMax', [a], { dtype: 'int64', shape, attributes: { axis, keepdims: 0 } });
}
