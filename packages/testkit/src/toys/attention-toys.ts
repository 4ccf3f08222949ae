import { under } from './tensors.js';
import {
  attention,
  common,
  ends,
  expert,
  experts,
  head,
  hidden,
  layers,
  mlp,
  norms,
  type ToyKind,
} from './toy-parts.js';

/** Experts in every layer. */
export const plain: ToyKind = {
  title: 'experts in every layer (qwen3_moe)',
  config: {
    ...common,
    architectures: ['Qwen3MoeForCausalLM'],
    model_type: 'qwen3_moe',
    num_hidden_layers: 2,
    head_dim: 8,
    num_experts: 8,
    num_experts_per_tok: 2,
    moe_intermediate_size: expert,
    intermediate_size: 24,
    norm_topk_prob: true,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    attention_bias: false,
  },
  tensors: {
    ...ends,
    ...head,
    ...layers(2, () => ({
      ...norms,
      ...under('self_attn', { ...attention(16, 8), 'q_norm.weight': [8], 'k_norm.weight': [8] }),
      ...under('mlp', experts(8)),
    })),
  },
};

/** A shared expert with a gate beside the routed ones, and a first layer without experts. */
export const shared: ToyKind = {
  title: 'shared experts and a dense layer (qwen2_moe)',
  config: {
    ...common,
    architectures: ['Qwen2MoeForCausalLM'],
    model_type: 'qwen2_moe',
    num_hidden_layers: 3,
    num_experts: 8,
    num_experts_per_tok: 3,
    moe_intermediate_size: expert,
    shared_expert_intermediate_size: 12,
    intermediate_size: 24,
    norm_topk_prob: false,
    decoder_sparse_step: 1,
    mlp_only_layers: [0],
  },
  tensors: {
    ...ends,
    ...head,
    ...layers(3, (layer) => ({
      ...norms,
      ...under('self_attn', {
        ...attention(16, 8),
        'q_proj.bias': [16],
        'k_proj.bias': [8],
        'v_proj.bias': [8],
      }),
      ...under('mlp', {
        ...(layer === 0
          ? mlp(24)
          : {
              ...experts(8),
              ...under('shared_expert', mlp(12)),
              'shared_expert_gate.weight': [1, hidden],
            }),
      }),
    })),
  },
};

/** A router that selects within groups by biased sigmoids, shared experts without a gate, latent attention. */
export const grouped: ToyKind = {
  title: 'groups of experts and latent attention (deepseek_v3)',
  config: {
    ...common,
    architectures: ['DeepseekV3ForCausalLM'],
    model_type: 'deepseek_v3',
    num_hidden_layers: 2,
    num_key_value_heads: 2,
    first_k_dense_replace: 1,
    moe_layer_freq: 1,
    n_routed_experts: 8,
    n_shared_experts: 1,
    n_group: 2,
    topk_group: 1,
    num_experts_per_tok: 2,
    moe_intermediate_size: expert,
    intermediate_size: 24,
    norm_topk_prob: true,
    routed_scaling_factor: 2.5,
    scoring_func: 'sigmoid',
    topk_method: 'noaux_tc',
    q_lora_rank: 12,
    kv_lora_rank: 8,
    qk_nope_head_dim: 8,
    qk_rope_head_dim: 4,
    v_head_dim: 6,
    attention_bias: false,
  },
  tensors: {
    ...ends,
    ...head,
    ...layers(2, (layer) => ({
      ...norms,
      ...under('self_attn', {
        'q_a_proj.weight': [12, hidden],
        'q_a_layernorm.weight': [12],
        'q_b_proj.weight': [24, 12],
        'kv_a_proj_with_mqa.weight': [12, hidden],
        'kv_a_layernorm.weight': [8],
        'kv_b_proj.weight': [28, 8],
        'o_proj.weight': [hidden, 12],
      }),
      ...under('mlp', {
        ...(layer === 0
          ? mlp(24)
          : { ...experts(8), 'gate.e_score_correction_bias': [8], ...under('shared_experts', mlp(expert)) }),
      }),
    })),
  },
};

/** No experts at all. */
export const dense: ToyKind = {
  title: 'no experts (llama)',
  config: {
    ...common,
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    num_hidden_layers: 2,
    intermediate_size: 24,
  },
  tensors: {
    ...ends,
    ...head,
    ...layers(2, () => ({
      ...norms,
      ...under('self_attn', attention(16, 8)),
      ...under('mlp', mlp(24)),
    })),
  },
};
