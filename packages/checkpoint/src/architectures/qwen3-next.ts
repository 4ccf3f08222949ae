import { llamaStyleNames, optionalBias, plainAttention, plainRouter } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest, GroupedQueryTraits } from './manifest.js';

/** What softmax attention and the gated delta rule read, and which layers have which. */
export const mixedAttentionKeys = {
  partialRotary: key('partial_rotary_factor', value(0.25), { null: none }),
  kvHeads: sized('num_key_value_heads', 2),
  headDim: sized('head_dim', 256),
  attentionBias: key('attention_bias', value(false)),
  fullInterval: sized('full_attention_interval', 4),
  convolutionWindow: sized('linear_conv_kernel_dim', 4),
  deltaKeyHeads: sized('linear_num_key_heads', 16),
  deltaValueHeads: sized('linear_num_value_heads', 32),
  deltaKeyDim: sized('linear_key_head_dim', 128),
  deltaValueDim: sized('linear_value_head_dim', 128),
} as const;

/** The attention of every fourth layer. */
export const gatedAttention: GroupedQueryTraits = {
  ...plainAttention,
  ...optionalBias,
  qkNorm: 'head',
  rotation: 'part',
  outputGate: true,
};

/** Qwen3-Next: three layers with a gated delta rule, then one with gated attention; norms are stored less one. */
export const qwen3Next: ArchitectureManifest = {
  modelType: 'qwen3_next',
  title: 'Qwen3-Next',
  className: 'Qwen3NextForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 151_936,
      hidden_size: 2048,
      num_hidden_layers: 48,
      num_attention_heads: 16,
      max_position_embeddings: 32_768,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    ...mixedAttentionKeys,
    activation: key('hidden_act', value('silu')),
    experts: sized('num_experts', 512),
    topK: sized('num_experts_per_tok', 10),
    expertWidth: sized('moe_intermediate_size', 512),
    normalises: key('norm_topk_prob', value(true)),
    shared: sized('shared_expert_intermediate_size', 512),
    denseWidth: sized('intermediate_size', 5632),
    denseLayers: key('mlp_only_layers', value([]), { null: value([]) }),
    moeEvery: sized('decoder_sparse_step', 1),
  },
  attention: gatedAttention,
  recurrence: { kind: 'gated-delta-rule', input: 'grouped' },
  normOffset: 1,
  router: plainRouter,
  ffn: { shared: { unit: 'channels', gated: true }, dense: 'mlp-only-layers', clamp: null },
  tensors: llamaStyleNames,
  predictionPrefixes: ['mtp.'],
  elsewhere: { tokenizerClass: 'Qwen2Tokenizer' },
};
