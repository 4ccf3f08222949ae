import type { Model, TensorExpr, Value } from '@moepress/core';
import { plusNumber, rmsNorm } from '@moepress/graph';
import { weightFor } from './weights.js';

/** How a model norms hidden states, queries and keys. */
export type NormOptions = Pick<Model['config'], 'rmsNormEps' | 'normOffset'>;

/** RMS norm of x over its last axis, with a weight as the model stores it. */
export function normed(x: Value, weight: TensorExpr, { rmsNormEps, normOffset }: NormOptions): Value {
  const own = weightFor(x, weight);
  return rmsNorm(x, normOffset ? plusNumber(own, normOffset) : own, rmsNormEps);
}
