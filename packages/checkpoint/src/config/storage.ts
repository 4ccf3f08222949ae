import type { DType } from '@moepress/core';
import { z } from 'zod';
import { type KeyTable, key, none, type Quantity, value } from '../architectures/keys.js';
import type { JsonObject } from '../folder/json.js';
import { type Refusal, readCompressedTensors } from './compressed-tensors.js';
import { readAwq, readGptq, readModelOpt } from './integer-methods.js';
import { count, type KeyReader } from './reader.js';
import { everywhere, type Quantisation, scheme } from './weight-scheme.js';

type Fp8Key = 'method' | 'format' | 'scheme' | 'block';

const keys: KeyTable<'method' | 'format' | 'scheme' | 'block'> = {
  method: key('quant_method', none, { null: none }),
  format: key('fmt', value('e4m3'), { null: value('e4m3') }),
  scheme: key('activation_scheme', value('dynamic'), { null: value('dynamic') }),
  block: key('weight_block_size', value([0, 0]), { null: value([0, 0]) }),
};

const methods = 'quant_method "fp8", "mxfp4", "compressed-tensors", "modelopt", "awq" or "gptq"';

/**
 * What `quantization_config` says of the weights; null for plain ones. Throws `CONFIG_UNSUPPORTED` for methods, formats,
 * strategies and numbers of bits that are not implemented, or `CONFIG_INVALID`.
 */
export function readQuantisation(reader: KeyReader<Quantity>): Quantisation | null {
  if (reader.value('quantisation') === null) return null;
  const config = reader.inside('quantisation', keys);
  const refuse = (need: string) => reader.unsupported('quantisation', need);
  const invalid = (problem: string) => reader.invalid('quantisation', problem);
  const given = reader.value('quantisation');
  switch (config.read('method', z.string().nullable())) {
    case 'mxfp4':
      return everywhere('mxfp4', scheme({ format: 'mxfp4', code: 'e2m1', block: [1, 32] }));
    case 'fp8':
      return readFp8(config, refuse);
    case 'compressed-tensors':
      return readCompressedTensors(given, refuse, invalid);
    case 'modelopt':
      return readModelOpt(given, refuse, invalid);
    case 'awq':
      return readAwq(given, refuse, invalid);
    case 'gptq':
      return readGptq(given, refuse, invalid);
    default:
      throw refuse(methods);
  }
}

function readFp8(config: KeyReader<Fp8Key>, refuse: Refusal): Quantisation {
  const fits =
    config.read('format', z.string()) === 'e4m3' && config.read('scheme', z.string()) === 'dynamic';
  const [height, width] = config.read('block', z.tuple([z.int(), z.int()]));
  if (!fits || !count.safeParse(height).success || height !== width)
    throw refuse('fp8 in format e4m3 with scales of square blocks and dynamic activations');
  return everywhere('fp8', scheme({ format: 'fp8', code: 'e4m3', block: [height, width] }));
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
