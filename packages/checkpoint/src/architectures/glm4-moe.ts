import { biasedRouter, deepseekNames, plainAttention } from './common.js';
import { decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** GLM-4.5, 4.6, 4.7 and Air: the first part of each head is rotated, and DeepSeek-V3's router chooses. */
export const glm4Moe: ArchitectureManifest = {
  modelType: 'glm4_moe',
  title: 'GLM-4.5 (MoE)',
  className: 'Glm4MoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 151_552,
      hidden_size: 4096,
      num_hidden_layers: 46,
      num_attention_heads: 96,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    partialRotary: key('partial_rotary_factor', value(0.5), { null: none }),
    kvHeads: sized('num_key_value_heads', 8),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    usesQkNorm: key('use_qk_norm', value(false)),
    experts: key(['n_routed_experts', 'num_local_experts'], value(128)),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('moe_intermediate_size', 1408),
    normalises: key('norm_topk_prob', value(true)),
    scale: sized('routed_scaling_factor', 1),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    shared: sized('n_shared_experts', 1),
    denseWidth: sized('intermediate_size', 10_944),
    firstDense: sized('first_k_dense_replace', 1),
    furtherLayers: key(['num_nextn_predict_layers', 'num_mtp_layers'], value(1)),
  },
  fixed: { scoring_func: ['sigmoid'], topk_method: ['noaux_tc'], moe_layer_freq: [1] },
  attention: { ...plainAttention, qkvBias: 'by-config', qkNorm: 'head', rotation: 'part' },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: deepseekNames,
  elsewhere: { tokenizerClass: 'TokenizersBackend' },
};
