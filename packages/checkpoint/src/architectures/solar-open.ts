import { biasedRouter, deepseekNames, plainAttention } from './common.js';
import { decoderKeys, key, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Solar-Open: Llama's attention, experts in every layer, DeepSeek-V3's router. */
export const solarOpen: ArchitectureManifest = {
  modelType: 'solar_open',
  title: 'Solar-Open',
  className: 'SolarOpenForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 196_608,
      hidden_size: 4096,
      num_hidden_layers: 48,
      num_attention_heads: 64,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 1_000_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    kvHeads: sized('num_key_value_heads', 8),
    headDim: sized('head_dim', 128),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    experts: key(['n_routed_experts', 'num_local_experts'], value(128)),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('moe_intermediate_size', 1280),
    normalises: key('norm_topk_prob', value(true)),
    scale: sized('routed_scaling_factor', 1),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    shared: sized('n_shared_experts', 1),
  },
  fixed: { first_k_dense_replace: [0], use_qk_norm: [false], scoring_func: ['sigmoid'] },
  attention: { ...plainAttention, qkvBias: 'by-config', rotation: 'undivided' },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'none', clamp: null },
  tensors: deepseekNames,
  elsewhere: { denseSibling: 'llama' },
};
