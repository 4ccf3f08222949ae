import type { Dim, Value } from '@moepress/core';
import { frontAxis, intVector } from './dims.js';
import { reshape } from './shape.js';

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
const logSumExp = reduction('ReduceLogSumExp');

/** Below this size the rounding error of a sum is negligible. */
const smallSum = 64;

/**
 * log Σ exp. The operator adds one term after the other in fp32: when the sum is near 1, small terms are lost, so
 * that all log-probabilities come out too high, by 1e-6 for some hundred terms and 1e-4 for a hundred thousand. So
 * the last axis is reduced in blocks of about the square root of its size, and then the results of the blocks.
 */
export function reduceLogSumExp(a: Value, axes: readonly number[], keepDims = false): Value {
  const last = a.shape.length - 1;
  const size = a.shape[last];
  const isLast = axes.length === 1 && frontAxis(axes[0]!, a.shape.length) === last;
  const block = isLast && typeof size === 'number' && size > smallSum ? blockOf(size) : 1;
  if (block === 1) return logSumExp(a, axes, keepDims);
  const front = a.shape.slice(0, last);
  const blocks = reshape(
    a,
    [...front.map(() => 0), (size as number) / block, block],
    [...front, (size as number) / block, block],
  );
  return logSumExp(logSumExp(blocks, [last + 1]), [last], keepDims);
}

/** The divisor nearest to the square root, or 1 if all are far from it. */
function blockOf(size: number): number {
  const root = Math.floor(Math.sqrt(size));
  for (let block = root; 4 * block > root; block--) if (size % block === 0) return block;
  return 1;
}

/** Index of the largest element, int64; the first of equal ones. */
export function argMax(a: Value, axis: number): Value {
  const shape = reducedShape(a, [axis], false);
  return a.graph.op('ArgMax', [a], { dtype: 'int64', shape, attributes: { axis, keepdims: 0 } });
}
