import { llamaStyleNames, optionalBias, plainAttention, plainRouter } from './common.js';
import { decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Qwen3-MoE: query and key norms over each head, some layers dense, no shared expert. */
export const qwen3Moe: ArchitectureManifest = {
  modelType: 'qwen3_moe',
  title: 'Qwen3-MoE',
  className: 'Qwen3MoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 151_936,
      hidden_size: 2048,
      num_hidden_layers: 24,
      num_attention_heads: 32,
      max_position_embeddings: 32_768,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    kvHeads: sized('num_key_value_heads', 4),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    usesWindow: key('use_sliding_window', value(false)),
    slidingWindow: key('sliding_window', value(4096), { null: none }),
    experts: key(['num_experts', 'num_local_experts'], value(128)),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('moe_intermediate_size', 768),
    normalises: key('norm_topk_prob', value(false)),
    denseWidth: sized('intermediate_size', 6144),
    denseLayers: key('mlp_only_layers', value([]), { null: value([]) }),
    moeEvery: sized('decoder_sparse_step', 1),
  },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'head', windows: 'every-layer' },
  router: plainRouter,
  ffn: { shared: null, dense: 'mlp-only-layers', clamp: null },
  tensors: llamaStyleNames,
  elsewhere: { denseSibling: 'qwen3', flatFormat: { version: 1 }, tokenizerClass: 'Qwen2Tokenizer' },
};
