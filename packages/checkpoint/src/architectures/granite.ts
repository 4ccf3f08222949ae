import { denseFfn, llamaStyleNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest, GroupedQueryTraits } from './manifest.js';

/** What the family reads with and without experts: the constants it multiplies by among them. */
export const graniteKeys = {
  ...decoderKeys({
    vocab_size: 32_000,
    hidden_size: 4096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    bos_token_id: 1,
    eos_token_id: 2,
  }),
  embeddingMultiplier: sized('embedding_multiplier', 1),
  residualMultiplier: sized('residual_multiplier', 1),
  attentionMultiplier: sized('attention_multiplier', 1),
  logitsScaling: sized('logits_scaling', 1),
  kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
  headDim: key('head_dim', perHead),
  activation: key('hidden_act', value('silu')),
  attentionBias: key('attention_bias', value(false)),
} as const;

export const graniteAttention: GroupedQueryTraits = { ...plainAttention, ...optionalBias };

/** Granite 3: Llama with constants that embeddings, branches, attention and logits are multiplied by. */
export const granite: ArchitectureManifest = {
  modelType: 'granite',
  title: 'Granite',
  className: 'GraniteForCausalLM',
  keys: {
    ...graniteKeys,
    mlpBias: key('mlp_bias', value(false)),
    denseWidth: sized('intermediate_size', 11_008),
  },
  attention: graniteAttention,
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
  elsewhere: { tokenizerClass: 'TokenizersBackend' },
};
