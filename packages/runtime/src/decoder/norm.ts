import type { Model, TensorExpr, Value } from '@moepress/core';
import { add, plusNumber, reduceMean, rmsNorm, sub } from '@moepress/graph';
import { weightFor } from './weights.js';

/** How a model norms hidden states, queries and keys. */
export type NormOptions = Pick<Model['config'], 'rmsNormEps' | 'normOffset' | 'layerNorm'>;

/** What a norm of hidden states multiplies by and adds, [H] each; null: nothing is added. */
export interface NormWeights {
  readonly weight: TensorExpr;
  readonly bias: TensorExpr | null;
}

/** RMS norm of x over its last axis, with a weight as the model stores it. */
export function normed(x: Value, weight: TensorExpr, { rmsNormEps, normOffset }: NormOptions): Value {
  const own = weightFor(x, weight);
  return rmsNorm(x, normOffset ? plusNumber(own, normOffset) : own, rmsNormEps);
}

/** x divided by its root mean square over its last axis. */
export function unweighted(x: Value, { rmsNormEps }: NormOptions): Value {
  const width = Number(x.shape.at(-1));
  return rmsNorm(x, x.graph.constant(new Array<number>(width).fill(1), [width], x.dtype), rmsNormEps);
}

/** The norm of hidden states x [T, H] that the model has: a layer norm is an RMS norm of what differs from the mean. */
export function hiddenNormed(x: Value, { weight, bias }: NormWeights, options: NormOptions): Value {
  const own = normed(options.layerNorm ? sub(x, reduceMean(x, [-1], true)) : x, weight, options);
  return bias ? add(own, weightFor(x, bias)) : own;
}

/** The norm after the last block. */
export function finalNormOf(
  x: Value,
  { finalNorm, finalNormBias, config }: Pick<Model, 'finalNorm' | 'finalNormBias' | 'config'>,
): Value {
  return hiddenNormed(x, { weight: finalNorm, bias: finalNormBias ?? null }, config);
}
