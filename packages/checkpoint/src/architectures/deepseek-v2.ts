import { deepseekNames, plainRouter } from './common.js';
import { as, decoderKeys, key, none, refused, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** DeepSeek-V2: latent attention; the router may choose from the best groups of experts only. */
export const deepseekV2: ArchitectureManifest = {
  modelType: 'deepseek_v2',
  title: 'DeepSeek-V2',
  className: 'DeepseekV2ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 102_400,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    mlpBias: key('mlp_bias', value(false)),
    queryLatent: key('q_lora_rank', value(1536), { null: none }),
    latent: sized('kv_lora_rank', 512),
    contentDim: sized('qk_nope_head_dim', 128),
    rotatedDim: sized('qk_rope_head_dim', 64),
    valueDim: sized('v_head_dim', 128),
    experts: key(['n_routed_experts', 'num_experts'], value(64)),
    topK: key('num_experts_per_tok', refused),
    expertWidth: sized('moe_intermediate_size', 1407),
    normalises: key('norm_topk_prob', value(false), { null: value(false) }),
    scale: sized('routed_scaling_factor', 1),
    scoring: key('scoring_func', value('softmax'), { null: value('softmax') }),
    selection: key('topk_method', value('greedy')),
    groups: key('n_group', refused),
    selectedGroups: key('topk_group', refused),
    shared: key('n_shared_experts', value(2), { null: value(0) }),
    denseWidth: sized('intermediate_size', 11008),
    firstDense: sized('first_k_dense_replace', 0),
    moeEvery: key('moe_layer_freq', value(1), { null: value(1) }),
  },
  attention: { kind: 'mla' },
  router: {
    ...plainRouter,
    methods: { greedy: null, group_limited_greedy: 'max' },
    normalise: 'never',
    beyondGroups: 'nothing',
  },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: deepseekNames,
};
