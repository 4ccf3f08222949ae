import { biasedRouter, deepseekNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, none, perHead, refused, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** dots.llm1: Qwen3's attention and DeepSeek-V3's router. */
export const dots1: ArchitectureManifest = {
  modelType: 'dots1',
  title: 'dots.llm1',
  className: 'Dots1ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 152_064,
      hidden_size: 4608,
      num_hidden_layers: 62,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    kvHeads: key('num_key_value_heads', value(32), { null: as('heads') }),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    slidingWindow: key('sliding_window', value(4096), { null: none }),
    windowLayers: sized('max_window_layers', 62),
    experts: key(['n_routed_experts', 'num_local_experts'], refused),
    topK: key('num_experts_per_tok', refused),
    expertWidth: sized('moe_intermediate_size', 1408),
    normalises: key('norm_topk_prob', value(false), { null: value(false) }),
    scale: sized('routed_scaling_factor', 1),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    shared: key('n_shared_experts', refused),
    denseWidth: sized('intermediate_size', 10_944),
    firstDense: sized('first_k_dense_replace', 0),
  },
  // The published config calls its scoring by the name of the selection, which has sigmoid scores.
  fixed: { scoring_func: ['sigmoid', 'noaux_tc'], topk_method: ['noaux_tc'], moe_layer_freq: [1] },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'head', windows: 'from-layer' },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: deepseekNames,
  elsewhere: { denseSibling: 'qwen3' },
};
