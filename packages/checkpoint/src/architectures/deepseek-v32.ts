import { biasedRouter, deepseekNames } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** What a latent attention with indexers reads, but for the sizes that differ between families. */
export const indexedKeys = {
  activation: key('hidden_act', value('silu')),
  attentionBias: key('attention_bias', value(false)),
  latent: sized('kv_lora_rank', 512),
  rotatedDim: sized('qk_rope_head_dim', 64),
  indexDim: sized('index_head_dim', 128),
  indexTopK: sized('index_topk', 2048),
  experts: key(['n_routed_experts', 'num_experts', 'num_local_experts'], value(256)),
  topK: sized('num_experts_per_tok', 8),
  expertWidth: sized('moe_intermediate_size', 2048),
  normalises: key('norm_topk_prob', value(true)),
  scale: sized('routed_scaling_factor', 2.5),
  shared: sized('n_shared_experts', 1),
  firstDense: sized('first_k_dense_replace', 3),
  mlpTypes: key('mlp_layer_types', none, { null: none }),
} as const;

/** What transformers does not look at, and computes in one way alone. */
export const indexedFixed = {
  scoring_func: ['sigmoid'],
  topk_method: ['noaux_tc'],
  moe_layer_freq: [1],
  rope_interleave: [true],
  mlp_bias: [false],
} as const;

/** DeepSeek-V3.2: DeepSeek-V3 whose tokens attend to those alone that an indexer chooses. */
export const deepseekV32: ArchitectureManifest = {
  modelType: 'deepseek_v32',
  title: 'DeepSeek-V3.2',
  className: 'DeepseekV32ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 129_280,
      hidden_size: 7168,
      num_hidden_layers: 61,
      num_attention_heads: 128,
      max_position_embeddings: 163_840,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: 0,
      eos_token_id: 1,
    }),
    ...indexedKeys,
    kvHeads: sized('num_key_value_heads', 128),
    queryLatent: sized('q_lora_rank', 1536),
    contentDim: sized('qk_nope_head_dim', 128),
    valueDim: sized('v_head_dim', 128),
    indexHeads: sized('index_n_heads', 64),
    groups: sized('n_group', 8),
    selectedGroups: sized('topk_group', 4),
    denseWidth: sized('intermediate_size', 18_432),
    furtherLayers: key('num_nextn_predict_layers', value(0), { null: value(0) }),
  },
  fixed: { ...indexedFixed, indexer_rope_interleave: [false] },
  attention: { kind: 'mla', rotation: 'whole', indexer: { pairing: 'halves' } },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'types', clamp: null },
  tensors: deepseekNames,
  elsewhere: { ignoresNamedTokenizer: true },
};
