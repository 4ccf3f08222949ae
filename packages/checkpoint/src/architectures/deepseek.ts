import { deepseekNames, optionalBias, plainAttention, plainRouter } from './common.js';
import { as, decoderKeys, key, perHead, refused, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** DeepSeekMoE (16B), whose code comes with its checkpoints: plain attention, ungated shared experts. */
export const deepseek: ArchitectureManifest = {
  modelType: 'deepseek',
  title: 'DeepSeekMoE',
  className: 'DeepseekForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 102_400,
      hidden_size: 4096,
      num_hidden_layers: 30,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: 100_000,
      eos_token_id: 100_001,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    headDim: key('head_dim', perHead, { null: perHead }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    experts: key('n_routed_experts', value(0), { null: value(0) }),
    topK: key('num_experts_per_tok', refused),
    expertWidth: sized('moe_intermediate_size', 1407),
    normalises: key('norm_topk_prob', value(false), { null: value(false) }),
    scoring: key('scoring_func', value('softmax'), { null: value('softmax') }),
    shared: key('n_shared_experts', value(0), { null: value(0) }),
    denseWidth: sized('intermediate_size', 11008),
    firstDense: sized('first_k_dense_replace', 0),
    moeEvery: sized('moe_layer_freq', 1),
  },
  attention: { ...plainAttention, ...optionalBias },
  router: { ...plainRouter, normalise: 'by-config-of-several' },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'prefix-and-step', clamp: null },
  tensors: deepseekNames,
  elsewhere: { noCompactClass: true },
};
