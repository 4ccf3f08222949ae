import type { TensorExpr, Value } from '@moepress/core';
import { linearBy, weight } from '@moepress/graph';

/** A weight in the graph and the precision of the values it meets. */
export function weightFor(x: Value, expr: TensorExpr): Value {
  return weight(x.graph, expr, x.dtype === 'float64' ? 'float64' : 'float32');
}

/** y = x Wᵀ + b */
export function product(x: Value, expr: TensorExpr, bias: TensorExpr | null = null): Value {
  return linearBy(x, expr, bias && weightFor(x, bias));
}
