import { expect, it } from 'vitest';
import { kimiLinear } from '../architectures/kimi-linear.js';
import { readRecurrence } from './recurrence-config.js';
import { readerOf, refusalOf } from './support.test.util.js';

const read = (config: object) =>
  readRecurrence(readerOf({ num_hidden_layers: 6, ...config }, kimiLinear), kimiLinear.recurrence!);
const layers = (config: object) => read(config).layers.map(Number).join('');
const inside = (linear_attn_config: object) => ({ linear_attn_config });

it('has sizes from the settings of the delta rule, else from beside them', () => {
  expect(read({ linear_num_heads: 3, linear_head_dim: 5 })).toMatchObject({
    ...{ keyHeads: 3, valueHeads: 3, keyDim: 5, valueDim: 5, window: 4 },
  });
  const own = inside({ num_heads: 2, head_dim: 7, short_conv_kernel_size: 3 });
  expect(read({ linear_num_heads: 3, ...own })).toMatchObject({ keyHeads: 2, keyDim: 7, window: 3 });
});

// As KimiLinearConfig of transformers 5.18 makes `layer_types` of them.
it.each([
  ['111101', {}],
  ['110110', inside({ full_attn_layers: [3, 6], kda_layers: [1, 2, 4, 5] })],
  ['111110', inside({ full_attn_layers: [3, 6], kda_layers: [1, 2, 3, 4, 5] })],
  [
    '011111',
    { layer_types: ['full_attention', ...Array(5).fill('linear_attention')], ...inside({ kda_layers: [] }) },
  ],
])('has the layers %s for %o', (expected, config) => {
  expect(layers(config)).toBe(expected);
});

it.each([
  [{ linear_attn_config: null }, 'CONFIG_INVALID config.json: linear_attn_config'],
  [inside({ num_heads: 0 }), 'CONFIG_INVALID config.json: linear_attn_config: num_heads'],
  [
    inside({ full_attn_layers: [3], kda_layers: [1, 2] }),
    'CONFIG_INVALID config.json: linear_attn_config: full_attn_layers',
  ],
  [
    inside({ full_attn_layers: [0], kda_layers: [1, 2, 3, 4, 5, 6] }),
    'CONFIG_INVALID config.json: linear_attn_config: full_attn_layers',
  ],
])('is refused with %o', (config, refusal) => {
  expect(refusalOf(() => read(config))).toBe(refusal);
});
