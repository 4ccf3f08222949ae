import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findArchitecture } from '../architectures/index.js';
import { fixture } from '../support.test.util.js';
import type { GroupedQueryConfig } from './attention-config.js';
import { readFamilyConfig } from './family.js';
import { refusalOf } from './support.test.util.js';

/** The configuration of a fixture with some keys changed. */
function read(family: string, changes: Readonly<Record<string, unknown>> = {}) {
  const config = JSON.parse(readFileSync(`${fixture(family)}/config.json`, 'utf8'));
  return readFamilyConfig({ ...config, ...changes }, null, findArchitecture(family, family), 'config.json');
}

const attentionOf = (family: string, changes: Readonly<Record<string, unknown>> = {}) =>
  read(family, changes).attention as GroupedQueryConfig;

describe('layers that differ', () => {
  it('have heads and rotations of their own in Gemma 4, of which the last has no window', () => {
    const { layers, windows } = attentionOf('gemma4_text', {
      attention_k_eq_v: true,
      layer_types: ['full_attention', 'sliding_attention'],
    });
    expect(windows).toEqual([null, null]);
    expect(layers[0]).toMatchObject({ kvHeads: 1, headDim: 8, ownValues: false });
    expect(layers[0]!.rope).toMatchObject({ theta: 1e6, scaling: { kind: 'proportional', pairs: 2 } });
    const own = attentionOf('gemma4_text').layers;
    expect(own.map(({ headDim, kvHeads, ownValues }) => [headDim, kvHeads, ownValues])).toEqual([
      [6, 2, true],
      [8, 2, true],
    ]);
    expect(own[0]!.rope).toMatchObject({ theta: 1e4, scaling: null });
  });

  it('have more heads of keys and sinks where MiMo-V2 has windows', () => {
    const saved = {
      swa_num_key_value_heads: undefined,
      rope_parameters: {
        full_attention: { rope_type: 'default', rope_theta: 7e6, partial_rotary_factor: 0.5 },
        sliding_attention: { rope_type: 'default', rope_theta: 1e4 },
      },
    };
    const { layers, valueScale } = attentionOf('mimo_v2_flash', saved);
    expect(layers.map(({ kvHeads, valueDim, sinks }) => [kvHeads, valueDim, sinks])).toEqual([
      [1, 6, false],
      [2, 6, true],
    ]);
    expect(layers.map(({ rope }) => [rope.theta, rope.dim])).toEqual([
      [7e6, 6],
      [1e4, 4],
    ]);
    expect(valueScale).toBe(attentionOf('mimo_v2_flash', { attention_value_scale: undefined }).valueScale);
    expect(attentionOf('mimo_v2_flash', { attention_value_scale: null }).valueScale).toBe(1);
  });

  it('rotate within chunks in Llama 4, by a list or all but every fourth', () => {
    const { unrotated, windows, chunked, queryScaling } = attentionOf('llama4_text');
    expect([unrotated, windows, chunked]).toEqual([[false, true, false], [6, null, 6], true]);
    expect(queryScaling).toEqual({ beta: 0.3, every: 5, offset: 1 });
    for (const no_rope_layers of [[], null]) {
      const four = attentionOf('llama4_text', { no_rope_layers, num_hidden_layers: 4 });
      expect(four.unrotated).toEqual([false, false, false, true]);
    }
    const types = ['full_attention', 'chunked_attention', 'full_attention'];
    expect(attentionOf('llama4_text', { layer_types: types }).windows).toEqual([null, 6, null]);
    expect(attentionOf('llama4_text', { attn_temperature_tuning: false }).queryScaling).toBeUndefined();
  });

  it('count windows anew behind the dense layers of Command A+', () => {
    const { windows, unrotated } = attentionOf('cohere2_moe');
    expect(windows).toEqual([null, 6, null, 6]);
    expect(unrotated).toEqual([false, false, true, false]);
    const other = attentionOf('cohere2_moe', { prefix_dense_sliding_window_pattern: 2 });
    expect(other.windows).toEqual([6, 6, null, 6]);
  });

  it('norm as the epsilon says in Command A+', () => {
    expect(read('cohere2_moe').decoder).toMatchObject({ layerNorm: true, rmsNormEps: 1e-5 });
    const rms = read('cohere2_moe', { rms_norm_eps: 1e-7 }).decoder;
    expect([rms.layerNorm, rms.rmsNormEps]).toEqual([undefined, 1e-7]);
    expect(read('cohere2_moe', { rms_norm_eps: null }).decoder.layerNorm).toBe(true);
  });

  it('let Trinity scale its embeddings by a key, and Gemma 4 always', () => {
    expect(read('afmoe').decoder.multipliers?.embedding).toBe(4);
    expect(read('afmoe', { mup_enabled: false }).decoder.multipliers).toBeUndefined();
    expect(read('gemma4_text').decoder).toMatchObject({ multipliers: { embedding: 4 }, logitCap: 3 });
  });
});

it('takes the settings of single layers that transformers saves of Gemma 4, and no others', () => {
  const per_layer_config = { 1: { head_dim: 8 } };
  expect(refusalOf(() => read('gemma4_text', { per_layer_config }))).toBe('accepted');
  const refused = 'CONFIG_UNSUPPORTED config.json: per_layer_config';
  for (const other of [{}, { 1: { head_dim: 12 } }, { 1: { head_dim: 8, sliding_window: 3 } }]) {
    expect(refusalOf(() => read('gemma4_text', { per_layer_config: other }))).toBe(refused);
  }
  expect(refusalOf(() => read('llama4_text', { per_layer_config }))).toBe(refused);
});

it.each([
  ['gemma4_text', 'hidden_size_per_layer_input', undefined],
  ['gemma4_text', 'num_kv_shared_layers', 1],
  ['gemma4_text', 'use_bidirectional_attention', 'all'],
  ['gemma4_text', 'sliding_window_pattern', 5],
  ['gemma4_text', 'rope_parameters', { rope_type: 'default', rope_theta: 1e4 }],
  ['mimo_v2_flash', 'hybrid_layer_pattern', [1, 1]],
  ['mimo_v2_flash', 'moe_layer_freq', [1, 1]],
  ['mimo_v2_flash', 'swa_head_dim', 8],
  ['mimo_v2_flash', 'rope_theta', 1e4],
  ['mimo_v2_flash', 'add_full_attention_sink_bias', true],
  ['mimo_v2_flash', 'layernorm_epsilon', 1e-6],
  ['cohere2_moe', 'use_parallel_block', false],
  ['afmoe', 'route_norm', false],
  ['afmoe', 'score_func', 'softmax'],
  ['phimoe', 'num_experts_per_tok', 1],
  ['phimoe', 'rope_scaling', { type: 'linear', factor: 2, short_mscale: 1, long_mscale: 1 }],
])('refuses of %s what transformers does not compute: %s', (family, name, value) => {
  expect(refusalOf(() => read(family, { [name]: value }))).toBe(`CONFIG_UNSUPPORTED config.json: ${name}`);
});

it.each([
  ['llama4_text', 'attention_chunk_size', null],
  ['llama4_text', 'no_rope_layers', [1]],
  ['cohere2_moe', 'expert_selection_fn', 'relu'],
  ['cohere2_moe', 'shared_expert_combination_strategy', 'product'],
  ['cohere2_moe', 'sliding_window', null],
  ['afmoe', 'sliding_window', null],
])('finds no sense in %s with such a %s', (family, name, value) => {
  expect(refusalOf(() => read(family, { [name]: value }))).toBe(`CONFIG_INVALID config.json: ${name}`);
});
