import type { Linear, Value } from '@moepress/core';
import { reshape } from '@moepress/graph';
import { product } from '../weights.js';

/** y = x Wᵀ + b */
export function project(x: Value, { weight, bias }: Linear): Value {
  return product(x, weight, bias);
}

/** [T, n] seen as [T, ...sizes]. */
export function viewAs(x: Value, sizes: readonly number[]): Value {
  return reshape(x, [-1, ...sizes], ['T', ...sizes]);
}
