import type { Mlp, Value } from '@moepress/core';
import { add, linear, mul, unsqueeze } from '@moepress/graph';
import { gated } from './activation.js';
import { product, weightFor } from './weights.js';

/** The values of a gated MLP on x [n, H]: down(activation(gate x, up x)). */
export interface MlpValues {
  /** [I, H], null without a gate, [I, H] and [H, I]: the weights in the graph's precision. */
  readonly gate: Value | null;
  readonly up: Value;
  readonly down: Value;
  /** x itself, [n, H]. */
  readonly input: Value;
  /** gate x, null without a gate, and up x, [n, I]. */
  readonly gateProduct: Value | null;
  readonly upProduct: Value;
  /** [n, I] */
  readonly activation: Value;
  /** [n, H] */
  readonly output: Value;
}

export function mlp(x: Value, spec: Mlp): MlpValues {
  const gate = spec.gate && weightFor(x, spec.gate);
  const [up, down] = [weightFor(x, spec.up), weightFor(x, spec.down)];
  const times = (x: Value, part: 'up' | 'down') => product(x, spec[part], spec.bias?.[part]);
  const gateProduct = spec.gate && product(x, spec.gate, spec.bias?.gate);
  const upProduct = times(x, 'up');
  const activation = gated(gateProduct, upProduct, spec.activation);
  const output = times(activation, 'down');
  return { input: x, gate, up, down, gateProduct, upProduct, activation, output };
}

/** The output of an MLP times `factor` [n, 1], by way of the activation. */
export function scaledOutput({ activation, down }: MlpValues, { bias }: Mlp, factor: Value): Value {
  const product = linear(mul(activation, factor), down);
  return bias ? add(product, mul(factor, unsqueeze(weightFor(activation, bias.down), 0))) : product;
}
