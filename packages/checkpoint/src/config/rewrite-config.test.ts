import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findArchitecture } from '../architectures/index.js';
import type { JsonObject } from '../folder/json.js';
import { fixture } from '../support.test.util.js';
import { readFamilyConfig } from './family.js';
import { asFamily, quantityOf, withQuantities } from './rewrite-config.js';

const family = (name: string) => findArchitecture(name, 'config.json');
const read = (config: JsonObject, name: string) => readFamilyConfig(config, {}, family(name), 'config.json');

describe('withQuantities', () => {
  it('leaves no other name of what it writes', () => {
    const both = { num_experts: 8, num_local_experts: 6, hidden_size: 4 };
    expect(withQuantities(both, family('qwen3_moe'), { experts: 3 })).toEqual({
      num_experts: 3,
      hidden_size: 4,
    });
    expect(withQuantities(both, family('mixtral'), { experts: 3 })).toEqual({
      num_local_experts: 3,
      hidden_size: 4,
    });
    const further = { num_mtp_layers: 1 };
    expect(withQuantities(further, family('deepseek_v3'), { furtherLayers: 0 })).toEqual({
      num_nextn_predict_layers: 0,
    });
  });
});

describe('quantityOf', () => {
  it('is what stands for a key that is absent, and nothing of a family that does not read it', () => {
    expect(quantityOf({}, family('mixtral'), 'experts')).toBe(8);
    expect(quantityOf({ num_experts: 6 }, family('mixtral'), 'experts')).toBe(6);
    expect(quantityOf({ mlp_bias: true }, family('mixtral'), 'mlpBias')).toBeUndefined();
  });
});

const siblings = { mixtral: 'mistral', qwen2_moe: 'qwen2', qwen3_moe: 'qwen3' } as const;
type Sibling = keyof typeof siblings;
const told = (config: JsonObject, from: Sibling) =>
  asFamily({ model_type: from, ...config }, family(from), family(siblings[from]));

describe('asFamily', () => {
  it('writes what the other family would read otherwise, and no more', () => {
    const size = { num_hidden_layers: 2, hidden_size: 64, num_attention_heads: 4 };
    const common = { max_position_embeddings: 64, num_local_experts: 4, num_experts_per_tok: 2 };
    expect(told({ ...size, ...common }, 'mixtral')).toEqual({
      ...size,
      max_position_embeddings: 64,
      model_type: 'mistral',
      architectures: ['MistralForCausalLM'],
      rms_norm_eps: 1e-5,
      rope_theta: 1e6,
      sliding_window: null,
    });
    expect(told(size, 'qwen3_moe')).toMatchObject({ head_dim: 16, num_key_value_heads: 4 });
    const theta = { rope_parameters: { rope_type: 'default', rope_theta: 5 } };
    expect(told({ ...size, ...theta }, 'mixtral')).not.toHaveProperty('rope_theta');
    const factors = { short_factor: Array(8).fill(1), long_factor: Array(8).fill(2) };
    const long = { rope_scaling: { rope_type: 'longrope', ...factors } };
    expect(told({ ...size, ...long }, 'mixtral')).toMatchObject({ ...long, rope_theta: 1e6 });
  });

  it('tells windows layer by layer', () => {
    const on = { num_hidden_layers: 3, use_sliding_window: true, sliding_window: 8, max_window_layers: 1 };
    expect(told(on, 'qwen2_moe')!.layer_types).toEqual([
      'sliding_attention',
      'full_attention',
      'full_attention',
    ]);
    expect(told(on, 'qwen3_moe')!.layer_types).toEqual(Array(3).fill('sliding_attention'));
    expect(told({ ...on, use_sliding_window: false }, 'qwen3_moe')).not.toHaveProperty('layer_types');
  });

  it('has no words for windows of some layers in a family that has them in all or none', () => {
    const some = { num_hidden_layers: 3, use_sliding_window: true, sliding_window: 8, max_window_layers: 1 };
    expect(asFamily(some, family('qwen2_moe'), family('mistral'))).toBeNull();
  });

  it('changes nothing of any configuration that transformers computes', () => {
    const cases: { config: JsonObject; expected: object | null }[] = JSON.parse(
      readFileSync(fixture('configs.json'), 'utf8'),
    );
    const ones = cases.filter(
      ({ config, expected }) => expected && Object.hasOwn(siblings, String(config.model_type)),
    );
    expect(ones.length).toBeGreaterThan(20);
    for (const { config } of ones) {
      const from = config.model_type as Sibling;
      const [before, after] = [read(config, from), read(told(config, from)!, siblings[from])];
      // Qwen2 has its biases without being told.
      const { qkvBias, ...attention } = before.attention as { qkvBias: boolean };
      expect(after.attention, JSON.stringify(config)).toMatchObject(attention);
      expect(after.decoder, JSON.stringify(config)).toEqual({ ...before.decoder, experts: 0, topK: 0 });
      expect(after.ffn.activation).toEqual(before.ffn.activation);
    }
  });
});
