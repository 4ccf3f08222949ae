import type { Mlp, Value } from '@moepress/core';
import { linear, mul, silu } from '@moepress/graph';
import { weightFor } from './weights.js';

/** The values of a gated MLP on x [n, H]: down(silu(gate x) * up x). */
export interface MlpValues {
  /** [I, H], [I, H] and [H, I]: the weights in the graph's precision. */
  readonly gate: Value;
  readonly up: Value;
  readonly down: Value;
  /** [n, I] */
  readonly activation: Value;
  /** [n, H] */
  readonly output: Value;
}

export function mlp(x: Value, spec: Mlp): MlpValues {
  const [gate, up, down] = [weightFor(x, spec.gate), weightFor(x, spec.up), weightFor(x, spec.down)];
  const activation = mul(silu(linear(x, gate)), linear(x, up));
  return { gate, up, down, activation, output: linear(activation, down) };
}
