import type { PlainActivation } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { KeyReader } from './reader.js';

/** Activations by their names in `ACT2FN` of transformers 5.18; several names stand for one function. */
const activations: Readonly<Record<string, PlainActivation>> = {
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

/** The function that a key names; silu in a family without the key. Throws `CONFIG_UNSUPPORTED` for another one. */
export function readPlainActivation(reader: KeyReader<Quantity>, key: Quantity): PlainActivation {
  if (!reader.reads(key)) return { kind: 'swiglu' };
  const name = reader.read(key, z.string());
  if (!Object.hasOwn(activations, name)) {
    throw reader.unsupported(key, `one of ${Object.keys(activations).join(', ')}`);
  }
  return activations[name]!;
}
