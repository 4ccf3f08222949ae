import type { DType } from '@moepress/core';
import { z } from 'zod';
import { type KeyTable, key, none, type Quantity, value } from '../architectures/keys.js';
import type { JsonObject } from '../folder/json.js';
import { count, type KeyReader } from './reader.js';

/**
 * What `quantization_config` says of the weights. MXFP4 tensors tell the rest by themselves; FP8 ones
 * share a scale in squares of `block`.
 */
export type Quantisation = { readonly method: 'mxfp4' } | { readonly method: 'fp8'; readonly block: number };

const keys: KeyTable<'method' | 'format' | 'scheme' | 'block'> = {
  method: key('quant_method', none, { null: none }),
  format: key('fmt', value('e4m3'), { null: value('e4m3') }),
  scheme: key('activation_scheme', value('dynamic'), { null: value('dynamic') }),
  block: key('weight_block_size', value([0, 0]), { null: value([0, 0]) }),
};

/** Null for plain weights. Throws `CONFIG_UNSUPPORTED` for other methods, or `CONFIG_INVALID`. */
export function readQuantisation(reader: KeyReader<Quantity>): Quantisation | null {
  if (reader.value('quantisation') === null) return null;
  const config = reader.inside('quantisation', keys);
  const method = config.read('method', z.string().nullable());
  if (method === 'mxfp4') return { method };
  if (method !== 'fp8') throw reader.unsupported('quantisation', 'quant_method "fp8" or "mxfp4"');
  const fits =
    config.read('format', z.string()) === 'e4m3' && config.read('scheme', z.string()) === 'dynamic';
  const [height, width] = config.read('block', z.tuple([z.int(), z.int()]));
  if (!fits || !count.safeParse(height).success || height !== width) {
    const need = 'fp8 in format e4m3 with scales of square blocks and dynamic activations';
    throw reader.unsupported('quantisation', need);
  }
  return { method, block: height };
}

/** PyTorch's names of the types that weights may have, short ones too. */
const names: Readonly<Record<string, DType>> = {
  float32: 'F32',
  float: 'F32',
  fp32: 'F32',
  float16: 'F16',
  half: 'F16',
  fp16: 'F16',
  bfloat16: 'BF16',
  bf16: 'BF16',
};

/**
 * The storage type that config.json declares, under `dtype` or its older name `torch_dtype`, also as
 * "torch.bfloat16"; null where it declares none of those that weights may have, such as "auto": then the tensors
 * themselves tell. Nothing is computed by it, so whatever stands there is no reason to refuse a checkpoint.
 */
export function declaredDtype({ dtype, torch_dtype }: JsonObject): DType | null {
  const given = dtype ?? torch_dtype;
  if (typeof given !== 'string') return null;
  const name = given.replace(/^torch\./, '');
  return Object.hasOwn(names, name) ? names[name]! : null;
}
