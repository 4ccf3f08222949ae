import { biasedRouter, layer, llamaStyleNames, plainAttention } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

const rotation = (theta: number) => ({
  rope_type: 'default',
  rope_theta: theta,
  partial_rotary_factor: 0.334,
});

/**
 * MiMo-V2-Flash: layers with a window have twice the heads of keys, a rotation of their own, and sinks. Transformers takes what
 * the published config.json says under other keys than its own for granted; where it says something else, it is refused.
 */
export const mimoV2Flash: ArchitectureManifest = {
  modelType: 'mimo_v2_flash',
  title: 'MiMo-V2-Flash',
  className: 'MiMoV2FlashForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 152_576,
      hidden_size: 4096,
      num_hidden_layers: 48,
      num_attention_heads: 64,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 5_000_000,
      bos_token_id: 1,
      eos_token_id: null,
    }),
    partialRotary: key('partial_rotary_factor', value(0.334)),
    kvHeads: sized('num_key_value_heads', 4),
    windowKvHeads: key('swa_num_key_value_heads', none, { null: none }),
    headDim: sized('head_dim', 192),
    valueDim: sized('v_head_dim', 128),
    // biome-ignore lint/suspicious/noApproximativeNumericConstant: It is what the checkpoint was trained with.
    valueScale: key('attention_value_scale', value(0.707), { null: value(1) }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    slidingWindow: sized('sliding_window', 128),
    windowFlags: key('hybrid_layer_pattern', none, { null: none }),
    experts: key(['n_routed_experts', 'num_local_experts'], value(256)),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('moe_intermediate_size', 2048),
    normalises: key('norm_topk_prob', value(true)),
    scale: key('routed_scaling_factor', value(1), { null: value(1) }),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    denseWidth: sized('intermediate_size', 16_384),
    mlpTypes: key('mlp_layer_types', none, { null: none }),
    moeFlags: key('moe_layer_freq', none, { null: none }),
  },
  fixed: {
    scoring_func: ['sigmoid'],
    topk_method: ['noaux_tc'],
    n_shared_experts: [0],
    rope_theta: [5_000_000],
    swa_rope_theta: [10_000],
    partial_rotary_factor: [0.334],
    rope_scaling: [null],
    layernorm_epsilon: [1e-5],
    add_swa_attention_sink_bias: [true],
    add_full_attention_sink_bias: [false],
  },
  echoes: {
    swa_num_attention_heads: 'heads',
    swa_head_dim: 'headDim',
    swa_v_head_dim: 'valueDim',
    sliding_window_size: 'slidingWindow',
  },
  attention: {
    ...plainAttention,
    qkvBias: 'by-config',
    rotation: 'part',
    rotations: { full: rotation(5_000_000), windowed: rotation(10_000) },
    windows: 'but-first-and-sixth',
    sinks: 'windowed',
  },
  router: biasedRouter,
  ffn: { shared: null, dense: 'types', clamp: null },
  tensors: {
    ...llamaStyleNames,
    sinks: `${layer}.self_attn.attention_sink_bias`,
    // What transformers 5 calls it.
    alias: [['.self_attn.attention_sink_bias', '.self_attn.sinks']],
  },
  predictionPrefixes: ['model.mtp.'],
};
