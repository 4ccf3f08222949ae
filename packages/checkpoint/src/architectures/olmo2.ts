import { denseFfn, layer, llamaStyleNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** OLMo 2: norms after attention and FFN, query and key norms over the whole projection. */
export const olmo2: ArchitectureManifest = {
  modelType: 'olmo2',
  title: 'OLMo 2',
  className: 'Olmo2ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 50_304,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: 50_279,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    denseWidth: sized('intermediate_size', 11_008),
  },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'projection' },
  router: null,
  ffn: denseFfn,
  norms: 'after',
  tensors: {
    ...llamaStyleNames,
    attentionNorm: `${layer}.post_attention_layernorm.weight`,
    ffnNorm: `${layer}.post_feedforward_layernorm.weight`,
  },
  elsewhere: { tokenizerClass: 'TokenizersBackend' },
};
