import { expect, it } from 'vitest';
import { mistral4 } from '../architectures/mistral4.js';
import { readAttention } from './attention-config.js';
import { readerOf, refusalOf } from './support.test.util.js';

const config = {
  num_attention_heads: 2,
  num_key_value_heads: 2,
  qk_nope_head_dim: 12,
  qk_rope_head_dim: 8,
  v_head_dim: 4,
};
const yarn = { type: 'yarn', factor: 4, llama_4_scaling_beta: 0.2, original_max_position_embeddings: 64 };
const read = (rope_parameters?: object) =>
  readAttention(readerOf({ ...config, ...(rope_parameters && { rope_parameters }) }, mistral4), mistral4);

it('scales queries of Mistral 4 by what the rotation says, and by what its class has where there is none', () => {
  expect(read(yarn).queryScaling).toEqual({ beta: 0.2, every: 64, offset: 0 });
  expect(read()).toMatchObject({
    queryScaling: { beta: 0.1, every: 8192, offset: 0 },
    rope: { dim: 8, scaling: { kind: 'yarn', factor: 128 } },
  });
});

it('takes the part that is rotated from its own key, which another may not contradict', () => {
  expect(read({ ...yarn, partial_rotary_factor: 0.4 }).rope.dim).toBe(8);
  const refusal = (parameters: object) => refusalOf(() => read({ ...yarn, ...parameters }));
  expect(refusal({ partial_rotary_factor: 1 })).toMatch(/^CONFIG_INVALID .*partial_rotary_factor$/);
  expect(refusal({ llama_4_scaling_beta: null })).toMatch(/^CONFIG_INVALID .*llama_4_scaling_beta$/);
  expect(refusal({ type: 'default' })).toMatch(/^CONFIG_UNSUPPORTED .*rope_parameters$/);
});
