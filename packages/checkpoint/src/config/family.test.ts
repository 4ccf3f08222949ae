import { readFileSync } from 'node:fs';
import { MoepressError } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { findArchitecture } from '../architectures/index.js';
import { fixture } from '../support.test.util.js';
import { readFamilyConfig } from './family.js';

const configOf = (name: string) => JSON.parse(readFileSync(`${fixture(name)}/config.json`, 'utf8'));
const classic = {
  deepseek: configOf('deepseek'),
  deepseek_v2: configOf('deepseek_v2'),
  deepseek_v3: configOf('deepseek_v3'),
  gpt_oss: configOf('gpt_oss'),
  mixtral: configOf('mixtral'),
  olmoe: configOf('olmoe'),
  qwen2_moe: configOf('qwen2_moe'),
  qwen3_moe: configOf('qwen3_moe_sharded'),
};
type Family = keyof typeof classic;

function read(family: Family, changes: object = {}, generation: Record<string, unknown> | null = null) {
  const raw = { ...classic[family], ...changes };
  return readFamilyConfig(raw, generation, findArchitecture(family, 'config.json'), 'config.json');
}

function refusal(family: Family, changes: object): MoepressError {
  try {
    read(family, changes);
  } catch (error) {
    if (MoepressError.isInstance(error)) return error;
  }
  throw new Error('It was accepted.');
}

describe('a config', () => {
  it('reads alike in the classic form and in that of transformers 5', () => {
    for (const family of Object.keys(classic) as Family[]) {
      const { rope_theta, rope_scaling, torch_dtype } = classic[family];
      const modern = {
        rope_theta: undefined,
        rope_scaling: undefined,
        torch_dtype: undefined,
        dtype: torch_dtype,
        rope_parameters: { rope_type: 'default', ...rope_scaling, rope_theta },
      };
      expect(read(family, modern)).toEqual(read(family));
    }
  });

  it('keeps what tells the families apart', () => {
    expect(read('olmoe')).toMatchObject({
      attention: { kind: 'gqa', qkvBias: false, outputBias: false, qkNorm: 'projection', clip: null },
      ffn: { sharedWidth: null, moe: [true, true], activation: { kind: 'swiglu' } },
    });
    expect(read('olmoe', { clip_qkv: 8 }).attention).toMatchObject({ clip: 8 });
    expect(read('olmoe', { attention_bias: true }).attention).toMatchObject({
      qkvBias: true,
      outputBias: true,
    });
    expect(read('qwen2_moe')).toMatchObject({
      attention: { qkvBias: true, outputBias: false },
      ffn: { sharedWidth: 96 },
    });
    expect(read('qwen2_moe', { qkv_bias: false }).attention).toMatchObject({ qkvBias: false });
    expect(read('qwen3_moe')).toMatchObject({
      attention: { qkvBias: false },
      router: { normalise: true },
      ffn: { expertWidth: 24 },
    });
    expect(read('mixtral')).toMatchObject({
      attention: { qkvBias: false, windows: [null, null] },
      router: { normalise: true, scale: 1, groups: null },
    });
    expect(read('gpt_oss').attention).toMatchObject({
      ...{ qkvBias: true, outputBias: true },
      layers: [{ sinks: true }, { sinks: true }],
    });
  });

  it('follows transformers where a key is absent', () => {
    const bare = { head_dim: undefined, num_key_value_heads: undefined, norm_topk_prob: undefined };
    const { decoder, router } = read('qwen3_moe', { ...bare, tie_word_embeddings: undefined });
    expect(decoder).toMatchObject({ headDim: 16, kvHeads: 4, tiedEmbeddings: false });
    expect(router!.normalise).toBe(false);
    expect(read('mixtral', { rope_theta: undefined, rms_norm_eps: undefined }).decoder).toMatchObject({
      rope: { theta: 1e6 },
      rmsNormEps: 1e-5,
    });
  });

  it.each([
    ['qwen2_moe', { hidden_act: 'mish' }, 'hidden_act'],
    ['mixtral', { layer_types: ['sliding_attention', 'full_attention'] }, 'layer_types'],
    ['deepseek_v3', { layer_types: Array(3).fill('sliding_attention') }, 'layer_types'],
    ['deepseek_v2', { num_key_value_heads: 2 }, 'num_key_value_heads'],
    ['deepseek_v2', { scoring_func: 'sigmoid' }, 'scoring_func'],
    ['olmoe', { rope_parameters: { rope_type: 'su', rope_theta: 1e4 } }, 'rope_parameters'],
    ['olmoe', { rope_scaling: { type: 'linear', factor: 2, partial_rotary_factor: 0.5 } }, 'rope_scaling'],
    ['olmoe', { per_layer_config: { 0: { num_experts: 8 } } }, 'per_layer_config'],
    ['qwen2_moe', { is_causal: false }, 'is_causal'],
    ['mixtral', { is_causal: null }, 'is_causal'],
    ['qwen3_moe', { is_causal: 0 }, 'is_causal'],
    ['olmoe', { transformers_weights: 'ema.safetensors' }, 'transformers_weights'],
    ['olmoe', { architectures: ['OlmoeForSequenceClassification'] }, 'architectures'],
  ] as const)('is refused rather than misread: %s %j', (family, changes, key) => {
    expect(refusal(family, changes)).toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      where: `config.json: ${key}`,
    });
  });

  it.each([
    ['deepseek_v2', { norm_topk_prob: true }, 'norm_topk_prob'],
    ['deepseek_v2', { moe_layer_freq: 2 }, 'moe_layer_freq'],
    ['gpt_oss', { swiglu_limit: 5 }, 'swiglu_limit'],
    ['qwen3_moe', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    [
      'mixtral',
      {
        rope_theta: undefined,
        rope_parameters: { rope_theta: 5e5 },
        rope_scaling: { type: 'linear', factor: 2 },
      },
      'rope_scaling',
    ],
  ] as const)('is read as transformers reads it, with a warning: %s %j', (family, changes, key) => {
    expect(read(family, changes).warnings).toMatchObject([{ key }]);
    expect(read(family, changes).warnings[0]!.message).toContain('transformers');
    expect(read(family).warnings).toEqual([]);
  });

  it('has the same experts by every name, of which the alias prevails', () => {
    const experts = (family: Family, changes: object) => read(family, changes).decoder.experts;
    expect(experts('qwen3_moe', { num_experts: undefined, num_local_experts: 6 })).toBe(6);
    expect(experts('qwen3_moe', { num_experts: 8, num_local_experts: 6 })).toBe(6);
    expect(experts('mixtral', { num_local_experts: 8, num_experts: 6 })).toBe(6);
    expect(experts('qwen2_moe', { num_experts: 8, num_local_experts: 6 })).toBe(8);
  });

  it('accepts the same keys where they change nothing', () => {
    const harmless = {
      hidden_act: 'silu',
      sliding_window: 4096,
      layer_types: ['full_attention', 'full_attention'],
      rope_scaling: { type: 'default' },
      partial_rotary_factor: 1,
      quantization_config: null,
      architectures: null,
      is_causal: true,
      transformers_weights: null,
    };
    expect(read('qwen2_moe', harmless)).toEqual(read('qwen2_moe'));
  });

  it.each([
    ['hidden_size', -64],
    ['hidden_size', '64'],
    ['num_hidden_layers', 1e9],
    ['num_attention_heads', 0],
    ['num_key_value_heads', 3],
    ['head_dim', 7],
    ['num_experts', 2],
    ['moe_intermediate_size', 1.5],
    ['rope_theta', null],
    ['rms_norm_eps', -1],
    ['rms_norm_eps', null],
    ['vocab_size', Number.MAX_VALUE],
    ['norm_topk_prob', 'yes'],
    ['norm_topk_prob', null],
    ['use_sliding_window', null],
    ['hidden_act', null],
    ['mlp_only_layers', [0.5]],
    ['decoder_sparse_step', 0],
    ['eos_token_id', 'end'],
    ['eos_token_id', [2, 'end']],
  ])('names the key that is wrong: %s = %j', (key, value) => {
    const { code, where, message } = refusal('qwen3_moe', { [key]: value });
    expect(code).toBe('CONFIG_INVALID');
    // Too few experts show as too many chosen.
    expect(where).toBe(`config.json: ${key === 'num_experts' ? 'num_experts_per_tok' : key}`);
    expect(message.length).toBeGreaterThan(10);
  });
});
