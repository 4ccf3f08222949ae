import { each, type Shapes, under } from './tensors.js';

/** A small checkpoint: its config.json, and the tensors that it stores. */
export interface ToyKind {
  /** What is special about it. */
  readonly title: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Shapes;
}

const [hidden, vocabulary, expert] = [16, 48, 8] as const;

const common = {
  vocab_size: vocabulary,
  hidden_size: hidden,
  max_position_embeddings: 256,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
  hidden_act: 'silu',
  torch_dtype: 'float32',
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};

const ends: Shapes = {
  'model.embed_tokens.weight': [vocabulary, hidden],
  'model.norm.weight': [hidden],
};
const head: Shapes = { 'lm_head.weight': [vocabulary, hidden] };
const norms: Shapes = { 'input_layernorm.weight': [hidden], 'post_attention_layernorm.weight': [hidden] };

const mlp = (width: number): Shapes => ({
  'gate_proj.weight': [width, hidden],
  'up_proj.weight': [width, hidden],
  'down_proj.weight': [hidden, width],
});

const experts = (count: number): Shapes => ({
  'gate.weight': [count, hidden],
  ...each('experts', count, () => mlp(expert)),
});

const attention = (queries: number, values: number): Shapes => ({
  'q_proj.weight': [queries, hidden],
  'k_proj.weight': [values, hidden],
  'v_proj.weight': [values, hidden],
  'o_proj.weight': [hidden, queries],
});

const layers = (count: number, of: (layer: number) => Shapes): Shapes => each('model.layers', count, of);

/** Experts in every layer. */
const plain: ToyKind = {
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
const shared: ToyKind = {
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
const grouped: ToyKind = {
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

/** The gated delta rule in place of attention in one layer. */
const recurrent: ToyKind = {
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
const convolution: ToyKind = {
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

/** No experts at all. */
const dense: ToyKind = {
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

/** Toy models by what is special about them. */
export const toyKinds = { plain, shared, grouped, recurrent, convolution, dense } as const;
