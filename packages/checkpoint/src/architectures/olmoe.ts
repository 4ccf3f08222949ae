import { llamaStyleNames, optionalBias, plainAttention, plainRouter } from './common.js';
import { as, decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** OLMoE: every layer is MoE, no shared expert, query and key norms over the whole projection. */
export const olmoe: ArchitectureManifest = {
  modelType: 'olmoe',
  title: 'OLMoE',
  className: 'OlmoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 50_304,
      hidden_size: 2048,
      num_hidden_layers: 16,
      num_attention_heads: 16,
      max_position_embeddings: 4096,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: 50_279,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    clip: key('clip_qkv', none, { null: none }),
    experts: key(['num_experts', 'num_local_experts'], value(64)),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('intermediate_size', 2048),
    normalises: key('norm_topk_prob', value(false)),
  },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'square' },
  router: plainRouter,
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: llamaStyleNames,
  elsewhere: { flatFormat: { version: 1 }, tokenizerClass: 'GPTNeoXTokenizer' },
};
