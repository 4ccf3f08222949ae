import { describe, expect, it } from 'vitest';
import { deepseekV2 } from '../architectures/deepseek-v2.js';
import { deepseekV3 } from '../architectures/deepseek-v3.js';
import { gptOss } from '../architectures/gpt-oss.js';
import { mistral } from '../architectures/mistral.js';
import { mixtral } from '../architectures/mixtral.js';
import { qwen2 } from '../architectures/qwen2.js';
import { qwen2Moe } from '../architectures/qwen2-moe.js';
import { qwen3 } from '../architectures/qwen3.js';
import { qwen3Moe } from '../architectures/qwen3-moe.js';
import { readAttention } from './attention-config.js';
import { readerOf, refusalOf } from './support.test.util.js';

const common = {
  rope_theta: 1e4,
  max_position_embeddings: 4096,
  num_attention_heads: 4,
  num_key_value_heads: 4,
};

describe('latent attention', () => {
  const sizes = { qk_nope_head_dim: 16, qk_rope_head_dim: 8, v_head_dim: 12, kv_lora_rank: 32 };
  const read = (changes: object, family = deepseekV3) =>
    readAttention(readerOf({ ...common, ...sizes, ...changes }, family), family);

  it('has heads of a plain and a rotated part', () => {
    expect(read({ q_lora_rank: null })).toEqual({
      kind: 'mla',
      heads: 4,
      kvHeads: 4,
      headDim: 24,
      rope: { theta: 1e4, dim: 8, pairing: 'neighbours', scaling: null },
      scale: 24 ** -0.5,
      bias: false,
      queryLatent: null,
      latent: 32,
      contentDim: 16,
      valueDim: 12,
    });
    // What transformers saves under head_dim is the rotated part.
    expect(read({ q_lora_rank: 40, head_dim: 8 })).toMatchObject({ queryLatent: 40, headDim: 24 });
  });

  it('scales the softmax where the rotation does not', () => {
    const rope_scaling = { type: 'yarn', factor: 40, mscale: 0.7, mscale_all_dim: 0.7 };
    const { scale, rope } = read({ rope_scaling }, deepseekV2);
    expect(scale).toBeCloseTo(24 ** -0.5 * (0.07 * Math.log(40) + 1) ** 2, 12);
    expect(rope.scaling).toMatchObject({ attentionFactor: 1 });
  });

  it('rotates halves only in DeepSeek-V3 and if told so', () => {
    expect(read({ rope_interleave: false }).rope.pairing).toBe('halves');
    expect(read({ rope_interleave: false }, deepseekV2).rope.pairing).toBe('neighbours');
  });

  it.each([
    [{ num_key_value_heads: 2 }, 'CONFIG_UNSUPPORTED config.json: num_key_value_heads'],
    [{ qk_rope_head_dim: 7 }, 'CONFIG_INVALID config.json: qk_rope_head_dim'],
    [{ kv_lora_rank: null }, 'CONFIG_INVALID config.json: kv_lora_rank'],
    [{ v_head_dim: 0 }, 'CONFIG_INVALID config.json: v_head_dim'],
  ])('refuses %j', (changes, refusal) => {
    expect(refusalOf(() => read(changes))).toBe(refusal);
  });
});

describe('windows', () => {
  const windows = (family: typeof mixtral, changes: object) => {
    const config = { ...common, hidden_size: 64, num_hidden_layers: 3, ...changes };
    return (readAttention(readerOf(config, family), family) as { windows: unknown }).windows;
  };
  const types = (...names: string[]) => names.map((name) => `${name}_attention`);

  it('are on every layer of Mixtral or none', () => {
    expect(windows(mixtral, { sliding_window: 128 })).toEqual([128, 128, 128]);
    expect(windows(mixtral, { sliding_window: null })).toEqual([null, null, null]);
  });

  it('alternate in gpt-oss unless its layer types say otherwise', () => {
    expect(windows(gptOss, { sliding_window: 128 })).toEqual([128, null, 128]);
    const given = { sliding_window: 8, layer_types: types('full', 'sliding', 'full') };
    expect(windows(gptOss, given)).toEqual([null, 8, null]);
    expect(windows(gptOss, { layer_types: types('full', 'full', 'full') })).toEqual([null, null, null]);
  });

  it('follow max_window_layers in Qwen’s families, each in its own way', () => {
    const on = { use_sliding_window: true, sliding_window: 8, max_window_layers: 1 };
    expect(windows(qwen2, on)).toEqual([null, 8, 8]);
    expect(windows(qwen3, { ...on, sliding_window: null })).toEqual([null, null, null]);
    expect(windows(qwen2Moe, { ...on, max_window_layers: 3 })).toEqual([8, null, 8]);
    expect(windows(qwen3Moe, on)).toEqual([8, 8, 8]);
    expect(windows(qwen3Moe, { ...on, sliding_window: null })).toEqual([null, null, null]);
    for (const family of [qwen2, qwen3, qwen2Moe, qwen3Moe]) {
      expect(windows(family, { ...on, use_sliding_window: false })).toEqual([null, null, null]);
    }
    const given = { ...on, layer_types: types('sliding', 'full', 'full') };
    expect(windows(qwen3, given)).toEqual([8, null, null]);
    expect(windows(qwen2Moe, given)).toEqual([8, null, null]);
    const older = ['sliding_attention', 'attention', 'attention'];
    expect(windows(qwen2, { ...given, layer_types: older })).toEqual([8, null, null]);
  });

  it('are 4096 tokens in Mistral where nothing is said', () => {
    expect(windows(mistral, {})).toEqual([4096, 4096, 4096]);
    expect(windows(mixtral, {})).toEqual([null, null, null]);
  });

  it('are not told by types that nothing slides by', () => {
    const told = { layer_types: types('full', 'sliding', 'full') };
    expect(refusalOf(() => windows(qwen2, told))).toBe('CONFIG_INVALID config.json: use_sliding_window');
  });

  it.each([
    [{ layer_types: types('full') }, 'layer_types'],
    [{ layer_types: types('full', 'full', 'chunked') }, 'layer_types'],
    [{ sliding_window: 0 }, 'sliding_window'],
    [{ sliding_window: null }, 'sliding_window'],
  ])('are refused: %j', (changes, key) => {
    expect(refusalOf(() => windows(gptOss, changes))).toBe(`CONFIG_INVALID config.json: ${key}`);
  });
});
