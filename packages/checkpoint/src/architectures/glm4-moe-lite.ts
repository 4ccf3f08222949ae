import { biasedRouter, deepseekNames } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** GLM-4.7-Flash: DeepSeek-V3's latent attention and router; which layers are dense is told layer by layer. */
export const glm4MoeLite: ArchitectureManifest = {
  modelType: 'glm4_moe_lite',
  title: 'GLM-4.7-Flash',
  className: 'Glm4MoeLiteForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 154_880,
      hidden_size: 2048,
      num_hidden_layers: 47,
      num_attention_heads: 20,
      max_position_embeddings: 202_752,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: 0,
      eos_token_id: 1,
    }),
    kvHeads: sized('num_key_value_heads', 20),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    queryLatent: key('q_lora_rank', value(768), { null: none }),
    latent: sized('kv_lora_rank', 512),
    contentDim: sized('qk_nope_head_dim', 192),
    rotatedDim: key(['qk_rope_head_dim', 'head_dim'], value(64)),
    valueDim: sized('v_head_dim', 256),
    interleaved: key('rope_interleave', value(true)),
    experts: key(['n_routed_experts', 'num_local_experts'], value(64)),
    topK: sized('num_experts_per_tok', 4),
    expertWidth: sized('moe_intermediate_size', 1536),
    normalises: key('norm_topk_prob', value(true)),
    scale: sized('routed_scaling_factor', 1.8),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    shared: sized('n_shared_experts', 1),
    denseWidth: sized('intermediate_size', 10_240),
    mlpTypes: key('mlp_layer_types', none, { null: none }),
    furtherLayers: key('num_nextn_predict_layers', value(0), { null: value(0) }),
  },
  fixed: { scoring_func: ['sigmoid'], topk_method: ['noaux_tc'], moe_layer_freq: [1] },
  attention: { kind: 'mla', rotation: 'undivided' },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'types', clamp: null },
  tensors: deepseekNames,
  elsewhere: { tokenizerClass: 'TokenizersBackend' },
};
