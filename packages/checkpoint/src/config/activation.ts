import type { GatedActivation } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { FfnTraits } from '../architectures/manifest.js';
import type { KeyReader } from './reader.js';

/** By the names of `ACT2FN` in transformers 5.18, several of which are one function. */
const activations: Readonly<Record<string, GatedActivation>> = {
  silu: { kind: 'swiglu' },
  swish: { kind: 'swiglu' },
  gelu: { kind: 'geglu', approximate: 'none' },
  gelu_python: { kind: 'geglu', approximate: 'none' },
  gelu_pytorch_tanh: { kind: 'geglu', approximate: 'tanh' },
  gelu_python_tanh: { kind: 'geglu', approximate: 'tanh' },
  gelu_new: { kind: 'geglu', approximate: 'tanh' },
  gelu_fast: { kind: 'geglu', approximate: 'tanh' },
  gelu_accurate: { kind: 'geglu', approximate: 'tanh' },
  quick_gelu: { kind: 'geglu', approximate: 'sigmoid' },
  relu: { kind: 'reglu', power: 1 },
  relu2: { kind: 'reglu', power: 2 },
};

/** Throws `CONFIG_UNSUPPORTED` for a function that is not implemented. */
export function readActivation(reader: KeyReader<Quantity>, clamp: FfnTraits['clamp']): GatedActivation {
  if (clamp) {
    const told = reader.read('gateLimit', z.number());
    if (told !== clamp.limit) {
      reader.warn(
        'gateLimit',
        `${told} is not looked at: the limit is ${clamp.limit}, as in transformers. Other programs, such as vLLM, obey it.`,
      );
    }
    return { kind: 'clamped-swiglu', ...clamp };
  }
  const name = reader.read('activation', z.string());
  if (!Object.hasOwn(activations, name)) {
    throw reader.unsupported('activation', `one of ${Object.keys(activations).join(', ')}`);
  }
  return activations[name]!;
}
