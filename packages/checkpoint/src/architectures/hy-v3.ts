import { biasedRouter, layer, llamaStyleNames, mlp, optionalBias, plainAttention } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Hunyuan Hy3: Qwen3's attention; weights that sum to a factor, and the shared experts as one MLP. */
export const hyV3: ArchitectureManifest = {
  modelType: 'hy_v3',
  title: 'Hunyuan Hy3',
  className: 'HYV3ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 120_832,
      hidden_size: 4096,
      num_hidden_layers: 80,
      num_attention_heads: 64,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 11_158_840,
      bos_token_id: null,
      eos_token_id: null,
    }),
    kvHeads: sized('num_key_value_heads', 8),
    headDim: sized('head_dim', 128),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    mlpBias: key('mlp_bias', value(false)),
    experts: key(['num_experts', 'num_local_experts'], value(192)),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('moe_intermediate_size', 1536),
    scale: sized('router_scaling_factor', 2.826),
    shared: sized('num_shared_experts', 1),
    denseWidth: sized('intermediate_size', 13_312),
    mlpTypes: key('mlp_layer_types', none, { null: none }),
    furtherLayers: key('num_nextn_predict_layers', value(0), { null: value(0) }),
  },
  fixed: {
    moe_router_use_sigmoid: [true],
    moe_router_enable_expert_bias: [true],
    route_norm: [true],
    qk_norm: [true],
  },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'head' },
  router: { ...biasedRouter, normalise: 'always' },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'types', clamp: null },
  tensors: {
    ...llamaStyleNames,
    router: `${layer}.mlp.router.gate`,
    selectionBias: `${layer}.mlp.expert_bias`,
    shared: mlp(`${layer}.mlp.shared_mlp`),
    // What transformers 5 calls the modules.
    alias: [
      ['.mlp.router.gate.', '.mlp.gate.'],
      ['.mlp.expert_bias', '.mlp.e_score_correction_bias'],
      ['.mlp.shared_mlp.', '.mlp.shared_experts.'],
    ],
  },
  elsewhere: { denseSibling: 'qwen3' },
};
