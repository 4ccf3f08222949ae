import { describe, expect, it } from 'vitest';
import { deepseekV3 } from '../architectures/deepseek-v3.js';
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

  it('names what is no configuration', () => {
    expect(refusalOf(() => read('fp8'))).toBe('CONFIG_INVALID config.json: quantization_config');
  });
});
