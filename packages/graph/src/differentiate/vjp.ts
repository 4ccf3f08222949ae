import type { Value } from '@moepress/core';
import type { NodeIR } from '../ir/graph-ir.js';
import { reduceSum } from '../ops/reduce.js';

/** A value and the gradient of the loss with respect to it. */
export interface Seed {
  readonly value: Value;
  readonly gradient: Value;
}

/** The arguments of a derivative: a node, its values, and the gradients of its outputs. */
export interface VjpContext {
  readonly node: NodeIR;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  /** Gradients of the outputs; null for an output that the loss does not depend on. */
  readonly gradients: readonly (Value | null)[];
  /** Which inputs' gradients are needed. */
  readonly wanted: readonly boolean[];
}

/**
 * A gradient that is zero except at a few places. It is added to the gradient accumulated so far: a matrix of zeros
 * for each expert that picks a few of many tokens would cost more than the experts.
 */
export interface SparseGradient {
  readonly addTo: (sum: Value) => Value;
}

/** Gradients of the inputs; entries for inputs that are not wanted may be null. */
export type Vjp = (context: VjpContext) => readonly (Value | SparseGradient | null)[];

/** Sums a gradient over the axes along which `input` was repeated. */
export function unbroadcast(gradient: Value, input: Value): Value {
  const missing = gradient.shape.length - input.shape.length;
  const sameRank = missing === 0 ? gradient : reduceSum(gradient, [...Array(missing).keys()]);
  const repeated = input.shape.flatMap((size, axis) =>
    size === 1 && sameRank.shape[axis] !== 1 ? [axis] : [],
  );
  return repeated.length === 0 ? sameRank : reduceSum(sameRank, repeated, true);
}
