import { each, type Shapes, under } from './tensors.js';
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
  vocabulary,
} from './toy-parts.js';

/** The gated delta rule in place of attention in one layer. */
export const recurrent: ToyKind = {
  title: 'linear attention by the gated delta rule (qwen3_next)',
  config: {
    ...common,
    architectures: ['Qwen3NextForCausalLM'],
    model_type: 'qwen3_next',
    num_hidden_layers: 2,
    head_dim: 8,
    layer_types: ['linear_attention', 'full_attention'],
    linear_conv_kernel_dim: 4,
    linear_key_head_dim: 4,
    linear_value_head_dim: 6,
    linear_num_key_heads: 2,
    linear_num_value_heads: 4,
    num_experts: 8,
    num_experts_per_tok: 2,
    moe_intermediate_size: expert,
    shared_expert_intermediate_size: 8,
    partial_rotary_factor: 0.5,
    norm_topk_prob: true,
    decoder_sparse_step: 1,
    intermediate_size: 24,
    mlp_only_layers: [],
  },
  tensors: {
    ...ends,
    ...head,
    ...layers(2, (layer) => ({
      ...norms,
      ...(layer === 0
        ? under('linear_attn', {
            A_log: [4],
            'conv1d.weight': [40, 1, 4],
            dt_bias: [4],
            'in_proj_ba.weight': [8, hidden],
            'in_proj_qkvz.weight': [64, hidden],
            'norm.weight': [6],
            'out_proj.weight': [hidden, 24],
          })
        : under('self_attn', {
            ...attention(16, 8),
            'q_proj.weight': [32, hidden],
            'q_norm.weight': [8],
            'k_norm.weight': [8],
          })),
      ...under('mlp', {
        ...experts(8),
        ...under('shared_expert', mlp(8)),
        'shared_expert_gate.weight': [1, hidden],
      }),
    })),
  },
};

const feedForward = (width: number): Shapes => ({
  'w1.weight': [width, hidden],
  'w2.weight': [hidden, width],
  'w3.weight': [width, hidden],
});

/** Short convolutions in place of attention, and a dense layer. */
export const convolution: ToyKind = {
  title: 'short convolutions and a dense layer (lfm2_moe)',
  config: {
    ...common,
    architectures: ['Lfm2MoeForCausalLM'],
    model_type: 'lfm2_moe',
    num_hidden_layers: 2,
    tie_word_embeddings: true,
    norm_eps: 1e-5,
    conv_L_cache: 3,
    conv_bias: false,
    layer_types: ['conv', 'full_attention'],
    num_dense_layers: 1,
    intermediate_size: 24,
    num_experts: 8,
    num_experts_per_tok: 2,
    moe_intermediate_size: expert,
    use_expert_bias: true,
    norm_topk_prob: true,
    routed_scaling_factor: 1.5,
  },
  tensors: {
    'model.embed_tokens.weight': [vocabulary, hidden],
    'model.embedding_norm.weight': [hidden],
    ...layers(2, (layer) => ({
      'operator_norm.weight': [hidden],
      'ffn_norm.weight': [hidden],
      ...(layer === 0
        ? under('conv', {
            'conv.weight': [hidden, 1, 3],
            'in_proj.weight': [3 * hidden, hidden],
            'out_proj.weight': [hidden, hidden],
          })
        : under('self_attn', {
            'q_proj.weight': [16, hidden],
            'k_proj.weight': [8, hidden],
            'v_proj.weight': [8, hidden],
            'out_proj.weight': [hidden, 16],
            'q_layernorm.weight': [8],
            'k_layernorm.weight': [8],
          })),
      ...under('feed_forward', {
        ...(layer === 0
          ? feedForward(24)
          : {
              'gate.weight': [8, hidden],
              expert_bias: [8],
              ...each('experts', 8, () => feedForward(expert)),
            }),
      }),
    })),
  },
};

/** Kimi Delta Attention in one layer, and latent attention without rotation in the other. */
export const channelwise: ToyKind = {
  title: 'linear attention with a decay for each channel (kimi_linear)',
  config: {
    ...common,
    architectures: ['KimiLinearForCausalLM'],
    model_type: 'kimi_linear',
    num_hidden_layers: 2,
    num_key_value_heads: 2,
    q_lora_rank: null,
    kv_lora_rank: 8,
    qk_nope_head_dim: 4,
    qk_rope_head_dim: 4,
    v_head_dim: 4,
    mla_use_nope: true,
    linear_attn_config: {
      full_attn_layers: [2],
      kda_layers: [1],
      head_dim: 6,
      num_heads: 3,
      short_conv_kernel_size: 4,
    },
    first_k_dense_replace: 0,
    num_experts: 8,
    num_experts_per_token: 2,
    num_shared_experts: 1,
    moe_intermediate_size: expert,
    intermediate_size: 24,
    moe_renormalize: true,
    routed_scaling_factor: 1.5,
  },
  tensors: {
    ...ends,
    ...head,
    ...layers(2, (layer) => ({
      ...norms,
      ...under(
        'self_attn',
        layer === 0
          ? {
              A_log: [1, 1, 3, 1],
              'b_proj.weight': [3, hidden],
              dt_bias: [18],
              'f_a_proj.weight': [6, hidden],
              'f_b_proj.weight': [18, 6],
              'g_a_proj.weight': [6, hidden],
              'g_b_proj.weight': [18, 6],
              ...under('q_conv1d', { weight: [18, 1, 4] }),
              ...under('k_conv1d', { weight: [18, 1, 4] }),
              ...under('v_conv1d', { weight: [18, 1, 4] }),
              'q_proj.weight': [18, hidden],
              'k_proj.weight': [18, hidden],
              'v_proj.weight': [18, hidden],
              'o_norm.weight': [6],
              'o_proj.weight': [hidden, 18],
            }
          : {
              'q_proj.weight': [16, hidden],
              'kv_a_proj_with_mqa.weight': [12, hidden],
              'kv_a_layernorm.weight': [8],
              'kv_b_proj.weight': [16, 8],
              'o_proj.weight': [hidden, 8],
            },
      ),
      ...under('block_sparse_moe', {
        'gate.weight': [8, hidden],
        'gate.e_score_correction_bias': [8],
        ...each('experts', 8, () => feedForward(expert)),
        ...under('shared_experts', mlp(expert)),
      }),
    })),
  },
};

/** Mamba-2 in one layer, multipliers, and an MLP beside fused experts. */
export const mamba: ToyKind = {
  title: 'a state space (granitemoehybrid)',
  config: {
    ...common,
    architectures: ['GraniteMoeHybridForCausalLM'],
    model_type: 'granitemoehybrid',
    num_hidden_layers: 2,
    tie_word_embeddings: true,
    attention_multiplier: 0.3,
    embedding_multiplier: 2.5,
    residual_multiplier: 0.5,
    logits_scaling: 1.5,
    layer_types: ['mamba', 'attention'],
    position_embedding_type: 'nope',
    mamba_n_heads: 4,
    mamba_n_groups: 2,
    mamba_d_head: 8,
    mamba_d_state: 6,
    mamba_d_conv: 4,
    mamba_expand: 2,
    mamba_conv_bias: true,
    mamba_proj_bias: false,
    time_step_limit: [0, 0.9],
    num_local_experts: 8,
    num_experts_per_tok: 2,
    intermediate_size: expert,
    shared_intermediate_size: 12,
  },
  tensors: {
    ...ends,
    ...layers(2, (layer) => ({
      ...norms,
      ...(layer === 0
        ? under('mamba', {
            A_log: [4],
            D: [4],
            'conv1d.bias': [56],
            'conv1d.weight': [56, 1, 4],
            dt_bias: [4],
            'in_proj.weight': [92, hidden],
            'norm.weight': [32],
            'out_proj.weight': [hidden, 32],
          })
        : under('self_attn', attention(16, 8))),
      ...under('block_sparse_moe', {
        'input_linear.weight': [8, 2 * expert, hidden],
        'output_linear.weight': [8, hidden, expert],
        'router.layer.weight': [8, hidden],
      }),
      ...under('shared_mlp', { 'input_linear.weight': [24, hidden], 'output_linear.weight': [hidden, 12] }),
    })),
  },
};
