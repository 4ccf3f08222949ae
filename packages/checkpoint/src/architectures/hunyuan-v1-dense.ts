import { denseFfn, layer, llamaStyleNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** What the family reads with and without experts. */
export const hunyuanKeys = {
  ...decoderKeys({
    vocab_size: 290_943,
    hidden_size: 4096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    bos_token_id: 1,
    eos_token_id: 2,
  }),
  kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
  headDim: key('head_dim', perHead, { null: perHead }),
  activation: key('hidden_act', value('silu')),
  attentionBias: key('attention_bias', value(false)),
} as const;

/** What the family computes with and without experts, and nothing else. */
export const hunyuanFixed = {
  use_qk_norm: [true],
  use_cla: [false],
  use_mla: [false],
  mlp_bias: [false],
} as const;

/** Hunyuan 0.5B to 7B: norms of queries and keys after the rotation, whose base an alpha stretches. */
export const hunyuanV1Dense: ArchitectureManifest = {
  modelType: 'hunyuan_v1_dense',
  title: 'Hunyuan (dense)',
  className: 'HunYuanDenseV1ForCausalLM',
  keys: {
    ...hunyuanKeys,
    denseWidth: sized('intermediate_size', 11_008),
  },
  fixed: hunyuanFixed,
  attention: {
    ...plainAttention,
    ...optionalBias,
    qkNorm: 'head',
    normedAfterRotation: true,
    alphaBase: true,
  },
  router: null,
  ffn: denseFfn,
  tensors: {
    ...llamaStyleNames,
    queryNorm: `${layer}.self_attn.query_layernorm.weight`,
    keyNorm: `${layer}.self_attn.key_layernorm.weight`,
  },
};
