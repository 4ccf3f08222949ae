import { describe, expect, it } from 'vitest';
import { deepseekV3 } from '../architectures/deepseek-v3.js';
import { schemeOf } from './module-targets.js';
import { readQuantisation } from './storage.js';
import { readerOf, refusalOf } from './support.test.util.js';

const read = (quantization_config: unknown) =>
  readQuantisation(readerOf({ quantization_config }, deepseekV3));
const fp8 = { quant_method: 'fp8', fmt: 'e4m3', activation_scheme: 'dynamic', weight_block_size: [128, 128] };

describe('readQuantisation', () => {
  it('knows plain weights, MXFP4 and FP8', () => {
    expect(read(undefined)).toBeNull();
    expect(read(null)).toBeNull();
    expect(read({ quant_method: 'mxfp4', modules_to_not_convert: ['lm_head'] })).toMatchObject({
      method: 'mxfp4',
    });
    expect(read(fp8)).toMatchObject({ method: 'fp8', groups: [{ scheme: { block: [128, 128] } }] });
    expect(read({ ...fp8, scale_fmt: 'ue8m0' })).toMatchObject({
      method: 'fp8',
      groups: [{ scheme: { block: [128, 128] } }],
    });
  });

  it.each([
    {},
    { quant_method: 'hqq' },
    { ...fp8, fmt: 'e5m2' },
    { ...fp8, activation_scheme: 'static' },
    { ...fp8, weight_block_size: [1, 128] },
    { ...fp8, weight_block_size: undefined },
  ])('refuses %j', (config) => {
    expect(refusalOf(() => read(config))).toBe('CONFIG_UNSUPPORTED config.json: quantization_config');
  });

  const int4 = { num_bits: 4, type: 'int', strategy: 'group', group_size: 32, symmetric: true };
  const compressed = (weights: object, more: object = {}) => ({
    quant_method: 'compressed-tensors',
    format: 'pack-quantized',
    config_groups: { group_0: { targets: ['Linear'], weights: { ...int4, ...weights } } },
    ...more,
  });

  it('knows the schemes of compressed-tensors, and which modules they are for', () => {
    const read4 = read(compressed({}, { ignore: ['lm_head', 're:.*self_attn.*'] }))!;
    expect(schemeOf(read4, 'model.layers.0.mlp.experts.3.up_proj')).toMatchObject({
      format: 'pack-quantized',
      code: 'u4',
      block: [1, 32],
    });
    expect(schemeOf(read4, 'lm_head')).toBeNull();
    expect(schemeOf(read4, 'model.layers.0.self_attn.q_proj')).toBeNull();
  });

  it.each([
    compressed({ num_bits: 3 }),
    compressed({ strategy: 'token' }),
    compressed({ type: 'float', num_bits: 4 }),
    compressed({ group_size: 0 }),
    compressed({ dynamic: true }),
    compressed({ actorder: 'often' }),
    compressed({}, { format: 'marlin-24' }),
    compressed({}, { kv_cache_scheme: { num_bits: 8 } }),
    compressed({}, { transform_config: { config_groups: {} } }),
    compressed({}, { sparsity_config: { format: 'sparse-24-bitmask' } }),
    compressed({}, { ignore: ['re:(a+)+$'] }),
    { quant_method: 'gptq', bits: 3, group_size: 128 },
    { quant_method: 'gptq', bits: 4, group_size: 128, checkpoint_format: 'marlin' },
    { quant_method: 'awq', bits: 4, version: 'gemv' },
    { quant_method: 'modelopt', quant_algo: 'FP8' },
  ])('refuses %j, never ignores it', (config) => {
    expect(refusalOf(() => read(config))).toBe('CONFIG_UNSUPPORTED config.json: quantization_config');
  });

  it('names what is no configuration', () => {
    expect(refusalOf(() => read('fp8'))).toBe('CONFIG_INVALID config.json: quantization_config');
  });
});
