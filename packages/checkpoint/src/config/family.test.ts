import { readFileSync } from 'node:fs';
import { MoepressError } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { findArchitecture } from '../architectures/index.js';
import { fixture } from '../support.test.util.js';
import { isMoeLayer, readFamilyConfig } from './family.js';

const classic = {
  olmoe: JSON.parse(readFileSync(`${fixture('olmoe')}/config.json`, 'utf8')),
  qwen2_moe: JSON.parse(readFileSync(`${fixture('qwen2_moe')}/config.json`, 'utf8')),
  qwen3_moe: JSON.parse(readFileSync(`${fixture('qwen3_moe_sharded')}/config.json`, 'utf8')),
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
      const { rope_theta, torch_dtype } = classic[family];
      const modern = {
        rope_theta: undefined,
        rope_scaling: undefined,
        torch_dtype: undefined,
        dtype: torch_dtype,
        rope_parameters: { rope_type: 'default', rope_theta },
      };
      expect(read(family, modern)).toEqual(read(family));
    }
  });

  it('keeps what tells the families apart', () => {
    expect(read('olmoe')).toMatchObject({
      qkvBias: false,
      outputBias: false,
      sharedWidth: null,
      dense: null,
    });
    expect(read('olmoe', { clip_qkv: 8 }).clip).toBe(8);
    expect(read('olmoe', { attention_bias: true })).toMatchObject({ qkvBias: true, outputBias: true });
    expect(read('qwen2_moe')).toMatchObject({ qkvBias: true, outputBias: false, sharedWidth: 96 });
    expect(read('qwen2_moe', { qkv_bias: false }).qkvBias).toBe(false);
    expect(read('qwen3_moe')).toMatchObject({ qkvBias: false, normaliseTopK: true, expertWidth: 24 });
  });

  it('follows transformers where a key is absent', () => {
    const bare = { head_dim: undefined, num_key_value_heads: null, norm_topk_prob: undefined };
    const { decoder, normaliseTopK } = read('qwen3_moe', { ...bare, tie_word_embeddings: undefined });
    expect(decoder).toMatchObject({ headDim: 16, kvHeads: 4, tiedEmbeddings: false });
    expect(normaliseTopK).toBe(false);
  });

  it('takes end-of-text ids from generation_config.json if it has none', () => {
    expect(read('olmoe', {}, { eos_token_id: 9 }).decoder.eosTokenIds).toEqual([2]);
    expect(read('olmoe', { eos_token_id: [3, 4] }).decoder.eosTokenIds).toEqual([3, 4]);
    expect(read('olmoe', { eos_token_id: null }, { eos_token_id: [5, 6] }).decoder.eosTokenIds).toEqual([
      5, 6,
    ]);
    expect(read('olmoe', { eos_token_id: undefined }).decoder.eosTokenIds).toEqual([]);
  });

  it('makes layers dense by list and by step', () => {
    const dense = (changes: object) => {
      const config = read('qwen3_moe', { num_hidden_layers: 6, mlp_only_layers: [], ...changes });
      return [0, 1, 2, 3, 4, 5].filter((layer) => !isMoeLayer(layer, config));
    };
    expect(dense({})).toEqual([]);
    expect(dense({ mlp_only_layers: [1, 4] })).toEqual([1, 4]);
    expect(dense({ decoder_sparse_step: 2 })).toEqual([0, 2, 4]);
    expect(dense({ decoder_sparse_step: 3, mlp_only_layers: [2] })).toEqual([0, 1, 2, 3, 4]);
    expect(dense({ num_experts: 0 })).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it.each([
    ['qwen2_moe', { hidden_act: 'gelu' }],
    ['qwen2_moe', { use_sliding_window: true }],
    ['qwen2_moe', { layer_types: ['full_attention', 'sliding_attention'] }],
    ['qwen3_moe', { partial_rotary_factor: 0.5 }],
    ['qwen3_moe', { rope_scaling: { type: 'linear', factor: 2 } }],
    ['qwen3_moe', { rope_scaling: { rope_type: 'yarn', factor: 4 } }],
    ['qwen3_moe', { rope_parameters: { rope_type: 'default', rope_theta: 1e4, partial_rotary_factor: 0.5 } }],
    ['olmoe', { rope_parameters: { rope_type: 'llama3', rope_theta: 1e4 } }],
    ['olmoe', { quantization_config: { quant_method: 'fp8' } }],
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
