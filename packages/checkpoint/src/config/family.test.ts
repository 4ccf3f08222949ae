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

function read(family: Family, changes: object = {}, generation: Record<string, unknown> = {}) {
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
    expect(read('gpt_oss').attention).toMatchObject({ qkvBias: true, outputBias: true, sinks: true });
  });

  it('follows transformers where a key is absent', () => {
    const bare = { head_dim: undefined, num_key_value_heads: null, norm_topk_prob: undefined };
    const { decoder, router } = read('qwen3_moe', { ...bare, tie_word_embeddings: undefined });
    expect(decoder).toMatchObject({ headDim: 16, kvHeads: 4, tiedEmbeddings: false });
    expect(router!.normalise).toBe(false);
  });

  it('takes end-of-text ids from generation_config.json if it has none', () => {
    expect(read('olmoe', {}, { eos_token_id: 9 }).decoder.eosTokenIds).toEqual([2]);
    expect(read('olmoe', { eos_token_id: [3, 4] }).decoder.eosTokenIds).toEqual([3, 4]);
    expect(read('olmoe', { eos_token_id: null }, { eos_token_id: [5, 6] }).decoder.eosTokenIds).toEqual([
      5, 6,
    ]);
    expect(read('olmoe', { eos_token_id: undefined }).decoder.eosTokenIds).toEqual([]);
  });

  it.each([
    ['qwen2_moe', { hidden_act: 'gelu' }],
    ['qwen2_moe', { use_sliding_window: true }],
    ['qwen2_moe', { layer_types: ['full_attention', 'sliding_attention'] }],
    ['qwen3_moe', { partial_rotary_factor: 0.5 }],
    ['deepseek_v2', { mlp_bias: true }],
    ['mixtral', { layer_types: ['sliding_attention', 'full_attention'] }],
    ['qwen3_moe', { rope_parameters: { rope_type: 'default', rope_theta: 1e4, partial_rotary_factor: 0.5 } }],
    ['olmoe', { rope_parameters: { rope_type: 'longrope', rope_theta: 1e4 } }],
    ['olmoe', { per_layer_config: { 0: { num_experts: 8 } } }],
    ['olmoe', { architectures: ['OlmoeForSequenceClassification'] }],
  ] as const)('is refused rather than misread: %s %j', (family, changes) => {
    expect(refusal(family, changes)).toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      where: `config.json: ${Object.keys(changes)[0]}`,
    });
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
    };
    expect(read('qwen2_moe', harmless)).toEqual(read('qwen2_moe'));
  });

  it.each([
    ['hidden_size', undefined],
    ['hidden_size', -64],
    ['hidden_size', '64'],
    ['num_hidden_layers', 1e9],
    ['num_attention_heads', 0],
    ['num_key_value_heads', 3],
    ['head_dim', 7],
    ['num_experts', 2],
    ['moe_intermediate_size', 1.5],
    ['rope_theta', null],
    ['rms_norm_eps', 0],
    ['vocab_size', Number.MAX_VALUE],
    ['norm_topk_prob', 'yes'],
    ['torch_dtype', 'int8'],
    ['mlp_only_layers', [-1]],
    ['decoder_sparse_step', 0],
    ['eos_token_id', 'end'],
  ])('names the key that is wrong: %s = %j', (key, value) => {
    const { code, where, message } = refusal('qwen3_moe', { [key]: value });
    expect(code).toBe('CONFIG_INVALID');
    // Too few experts show as too many chosen.
    expect(where).toBe(`config.json: ${key === 'num_experts' ? 'num_experts_per_tok' : key}`);
    expect(message.length).toBeGreaterThan(10);
  });
});
