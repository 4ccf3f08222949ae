import type { Criterion, LayerEvidence, Statistic, Value } from '@moepress/core';
import { cast, div, outputGram, reduceL2, routedSumProducts, sub } from '@moepress/graph';

/** The measurements from which the error of a layer follows without running it. */
export const reconstructionNeeds: readonly Statistic[] = [outputGram, routedSumProducts];

/** An expert that runs on every token, its output times a constant. */
export interface ConstantExpert {
  /** Index in the pool. */
  readonly expert: number;
  readonly scale: number;
}

/**
 * Relative L2 error of Σ c f for the routed sum y of a layer over all calibration tokens,
 * sqrt(E ||Σ c f - y||^2 / E ||y||^2), exactly: ||Σ c f||^2 and <Σ c f, y> are sums over what was measured. Null
 * where y is zero, as in a model whose config scales its experts by 0.
 */
export function relativeError(layer: LayerEvidence, experts: readonly ConstantExpert[]): number | null {
  const gram = layer.read(outputGram, 'gram');
  const products = layer.read(routedSumProducts, 'products');
  const [square] = layer.read(routedSumProducts, 'square');
  if (square === 0) return null;
  const n = products.length;
  let error = square!;
  for (const { expert, scale } of experts) {
    error -= 2 * scale * products[expert]!;
    for (const other of experts) error += scale * other.scale * gram[expert * n + other.expert]!;
  }
  return Math.sqrt(Math.max(0, error) / square!);
}

/** ||a - b||_2 / ||a||_2 of each token's states. */
export const relativeL2: Criterion = {
  name: 'relative-l2',
  distanceFrom(_, reference) {
    const length = (state: Value) => reduceL2(state, [1]);
    const origin = cast(reference, 'float64');
    const whole = length(origin);
    return (candidate) => div(length(sub(origin, cast(candidate, 'float64'))), whole);
  },
};
