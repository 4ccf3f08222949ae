import type { GatedActivation, PlainActivation, Value } from '@moepress/core';
import {
  clip,
  concat,
  gelu,
  geluSigmoid,
  geluTanh,
  mul,
  plusNumber,
  reduceLogSumExp,
  relu,
  sigmoid,
  silu,
  square,
  timesNumber,
  unsqueeze,
  zerosLike,
} from '@moepress/graph';

const gelus = { none: gelu, tanh: geluTanh, sigmoid: geluSigmoid };

/** What up is multiplied by. */
export function activated(gate: Value, activation: PlainActivation): Value {
  switch (activation.kind) {
    case 'swiglu':
      return silu(gate);
    case 'geglu':
      return gelus[activation.approximate](gate);
    case 'reglu':
      return activation.power === 2 ? square(relu(gate)) : relu(gate);
  }
}

/** The activation of a gate and up, or, without a gate, its function of up. */
export function gated(gate: Value | null, up: Value, activation: GatedActivation): Value {
  if (activation.kind !== 'clamped-swiglu') {
    return gate ? mul(activated(gate, activation), up) : activated(up, activation);
  }
  // Only gated MLPs have it.
  if (!gate) throw new Error('There is no gate to clamp.');
  const { alpha, limit } = activation;
  const limited = clip(gate, null, limit);
  const glu = mul(limited, sigmoid(timesNumber(limited, alpha)));
  return mul(plusNumber(clip(up, -limit, limit), 1), glu);
}

/** log(1 + exp x) of x [T, n] */
export function softplus(x: Value): Value {
  const own = unsqueeze(x, 2);
  return reduceLogSumExp(concat([own, zerosLike(own)], 2), [2]);
}
