import type { GatedActivation, Mlp, Value } from '@moepress/core';
import {
  add,
  clip,
  gelu,
  geluSigmoid,
  geluTanh,
  linear,
  mul,
  plusNumber,
  relu,
  sigmoid,
  silu,
  square,
  timesNumber,
  unsqueeze,
} from '@moepress/graph';
import { product, weightFor } from './weights.js';

/** The values of a gated MLP on x [n, H]: down(activation(gate x, up x)). */
export interface MlpValues {
  /** [I, H], [I, H] and [H, I]: the weights in the graph's precision. */
  readonly gate: Value;
  readonly up: Value;
  readonly down: Value;
  /** x itself, [n, H]. */
  readonly input: Value;
  /** gate x and up x, [n, I]. */
  readonly gateProduct: Value;
  readonly upProduct: Value;
  /** [n, I] */
  readonly activation: Value;
  /** [n, H] */
  readonly output: Value;
}

export function mlp(x: Value, spec: Mlp): MlpValues {
  const [gate, up, down] = [weightFor(x, spec.gate), weightFor(x, spec.up), weightFor(x, spec.down)];
  const times = (x: Value, part: 'gate' | 'up' | 'down') => product(x, spec[part], spec.bias?.[part]);
  const [gateProduct, upProduct] = [times(x, 'gate'), times(x, 'up')];
  const activation = gated(gateProduct, upProduct, spec.activation);
  const output = times(activation, 'down');
  return { input: x, gate, up, down, gateProduct, upProduct, activation, output };
}

/** The output of an MLP times `factor` [n, 1], by way of the activation. */
export function scaledOutput({ activation, down }: MlpValues, { bias }: Mlp, factor: Value): Value {
  const product = linear(mul(activation, factor), down);
  return bias ? add(product, mul(factor, unsqueeze(weightFor(activation, bias.down), 0))) : product;
}

const gelus = { none: gelu, tanh: geluTanh, sigmoid: geluSigmoid };

function gated(gate: Value, up: Value, activation: GatedActivation): Value {
  switch (activation.kind) {
    case 'swiglu':
      return mul(silu(gate), up);
    case 'geglu':
      return mul(gelus[activation.approximate](gate), up);
    case 'reglu':
      return mul(activation.power === 2 ? square(relu(gate)) : relu(gate), up);
    case 'clamped-swiglu': {
      const { alpha, limit } = activation;
      const limited = clip(gate, null, limit);
      const glu = mul(limited, sigmoid(timesNumber(limited, alpha)));
      return mul(plusNumber(clip(up, -limit, limit), 1), glu);
    }
  }
}
