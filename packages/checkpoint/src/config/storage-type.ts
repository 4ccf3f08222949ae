import type { DType } from '@moepress/core';
import type { JsonObject } from '../folder/json.js';

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
