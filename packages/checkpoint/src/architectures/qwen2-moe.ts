import { llamaStyleNames, plainAttention, plainRouter } from './common.js';
import { decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Qwen1.5-MoE and Qwen2-MoE: a shared expert behind a sigmoid gate; biased queries, keys and values. */
export const qwen2Moe: ArchitectureManifest = {
  modelType: 'qwen2_moe',
  title: 'Qwen2-MoE',
  className: 'Qwen2MoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 151_936,
      hidden_size: 2048,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      max_position_embeddings: 32_768,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    kvHeads: sized('num_key_value_heads', 16),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('qkv_bias', value(true)),
    usesWindow: key('use_sliding_window', value(false)),
    slidingWindow: key('sliding_window', value(4096)),
    windowLayers: sized('max_window_layers', 28),
    experts: sized('num_experts', 60),
    topK: sized('num_experts_per_tok', 4),
    expertWidth: sized('moe_intermediate_size', 1408),
    normalises: key('norm_topk_prob', value(false)),
    shared: sized('shared_expert_intermediate_size', 5632),
    denseWidth: sized('intermediate_size', 5632),
    denseLayers: key('mlp_only_layers', value([]), { null: value([]) }),
    moeEvery: sized('decoder_sparse_step', 1),
  },
  attention: { ...plainAttention, qkvBias: 'by-config', windows: 'alternating-below-layer' },
  router: plainRouter,
  ffn: { shared: { unit: 'channels', gated: true }, dense: 'mlp-only-layers', clamp: null },
  tensors: llamaStyleNames,
  elsewhere: { denseSibling: 'qwen2', flatFormat: { version: 1 }, tokenizerClass: 'Qwen2Tokenizer' },
};
