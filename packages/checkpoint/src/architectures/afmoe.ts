import { biasedRouter, deepseekNames, layer, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Trinity: norms on both sides, gated attention, and windows in most layers, which alone rotate. */
export const afmoe: ArchitectureManifest = {
  modelType: 'afmoe',
  title: 'Trinity (AFMoE)',
  className: 'AfmoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 200_192,
      hidden_size: 2048,
      num_hidden_layers: 32,
      num_attention_heads: 16,
      max_position_embeddings: 16_384,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    headDim: key('head_dim', value(128), { null: perHead }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    scalesEmbedding: key('mup_enabled', value(false)),
    slidingWindow: sized('sliding_window', 1024),
    windowPattern: sized('global_attn_every_n_layers', 4),
    experts: key(['num_experts', 'num_local_experts'], value(64)),
    topK: sized('num_experts_per_tok', 6),
    expertWidth: sized('moe_intermediate_size', 1408),
    scale: sized('route_scale', 1),
    shared: sized('num_shared_experts', 2),
    denseWidth: sized('intermediate_size', 6144),
    firstDense: sized('num_dense_layers', 1),
  },
  fixed: {
    score_func: ['sigmoid'],
    route_norm: [true],
    n_group: [1],
    topk_group: [1],
    num_expert_groups: [1],
    num_limited_groups: [1],
  },
  attention: {
    ...plainAttention,
    ...optionalBias,
    qkNorm: 'head',
    gate: true,
    unrotated: 'full',
    windows: 'pattern',
  },
  embeddingRoot: true,
  norms: 'both',
  router: { ...biasedRouter, normalise: 'always' },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: {
    ...deepseekNames,
    ffnNorm: `${layer}.pre_mlp_layernorm.weight`,
    ffnNormAfter: `${layer}.post_mlp_layernorm.weight`,
    router: `${layer}.mlp.router.gate`,
    selectionBias: `${layer}.mlp.expert_bias`,
  },
};
