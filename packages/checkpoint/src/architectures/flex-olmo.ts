import { optionalBias, plainAttention, plainRouter } from './common.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';
import { olmo2 } from './olmo2.js';

/** FlexOlmo: OLMo 2 with experts in every layer. */
export const flexOlmo: ArchitectureManifest = {
  modelType: 'flex_olmo',
  title: 'FlexOlmo',
  className: 'FlexOlmoForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 100_352,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 4096,
      rms_norm_eps: 1e-6,
      rope_theta: 500_000,
      bos_token_id: null,
      eos_token_id: 100_257,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    experts: key(['num_experts', 'num_local_experts'], value(7)),
    topK: sized('num_experts_per_tok', 5),
    expertWidth: sized('intermediate_size', 11_008),
    normalises: key('norm_topk_prob', value(false)),
  },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'projection' },
  router: plainRouter,
  ffn: { shared: null, dense: 'none', clamp: null },
  norms: 'after',
  tensors: olmo2.tensors,
  elsewhere: { denseSibling: 'olmo2', tokenizerClass: 'TokenizersBackend' },
};
