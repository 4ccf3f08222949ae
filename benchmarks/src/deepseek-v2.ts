import type { TensorEntry } from '@moepress/checkpoint';
import { randomTensors, writeCheckpoint } from './random.js';

/** Sizes of deepseek-ai/DeepSeek-V2-Lite. */
const hidden = 2048;
const intermediate = 1408;
const dense = 10_944;
const experts = 64;
const shared = 2;
const heads = 16;
const latent = 512;
/** Dimensions of queries and keys without position, of their rotated part, and of values. */
const head = { plain: 128, turned: 64, value: 128 } as const;
// biome-ignore lint/suspicious/noApproximativeNumericConstant: as published, and no root of a half
const mscale = 0.707;
export const deepseekV2Vocabulary = 102_400;

/**
 * Writes a random bf16 checkpoint with the shapes of DeepSeek-V2-Lite and as many layers as asked for, of which the
 * first is dense (140 MB) and the others have experts (1.2 GB each), unless `directory` has one already.
 */
export function writeDeepseekV2(directory: string, layers: number): Promise<void> {
  return writeCheckpoint(directory, config(layers), tensors(layers));
}

const config = (layers: number) => ({
  architectures: ['DeepseekV2ForCausalLM'],
  model_type: 'deepseek_v2',
  hidden_act: 'silu',
  hidden_size: hidden,
  intermediate_size: dense,
  moe_intermediate_size: intermediate,
  max_position_embeddings: 163_840,
  norm_topk_prob: false,
  num_attention_heads: heads,
  num_key_value_heads: heads,
  q_lora_rank: null,
  kv_lora_rank: latent,
  qk_nope_head_dim: head.plain,
  qk_rope_head_dim: head.turned,
  v_head_dim: head.value,
  n_routed_experts: experts,
  n_shared_experts: shared,
  num_experts_per_tok: 6,
  num_hidden_layers: layers,
  first_k_dense_replace: 1,
  moe_layer_freq: 1,
  topk_method: 'greedy',
  n_group: 1,
  topk_group: 1,
  routed_scaling_factor: 1,
  scoring_func: 'softmax',
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  rope_scaling: {
    type: 'yarn',
    factor: 40,
    original_max_position_embeddings: 4096,
    beta_fast: 32,
    beta_slow: 1,
    mscale,
    mscale_all_dim: mscale,
  },
  attention_bias: false,
  tie_word_embeddings: false,
  bos_token_id: 100_000,
  eos_token_id: 100_001,
  torch_dtype: 'bfloat16',
  vocab_size: deepseekV2Vocabulary,
});

function* tensors(layers: number): Generator<TensorEntry> {
  const { embedding, matrix, norm } = randomTensors();
  const mlp = (stem: string, width: number) => [
    matrix(`${stem}.gate_proj.weight`, width, hidden),
    matrix(`${stem}.up_proj.weight`, width, hidden),
    matrix(`${stem}.down_proj.weight`, hidden, width),
  ];
  yield embedding('model.embed_tokens.weight', deepseekV2Vocabulary, hidden);
  for (let l = 0; l < layers; l++) {
    const layer = `model.layers.${l}`;
    const attention = `${layer}.self_attn`;
    yield norm(`${layer}.input_layernorm.weight`, hidden);
    yield norm(`${layer}.post_attention_layernorm.weight`, hidden);
    yield matrix(`${attention}.q_proj.weight`, heads * (head.plain + head.turned), hidden);
    yield matrix(`${attention}.kv_a_proj_with_mqa.weight`, latent + head.turned, hidden);
    yield norm(`${attention}.kv_a_layernorm.weight`, latent);
    yield matrix(`${attention}.kv_b_proj.weight`, heads * (head.plain + head.value), latent);
    yield matrix(`${attention}.o_proj.weight`, hidden, heads * head.value);
    if (l === 0) {
      yield* mlp(`${layer}.mlp`, dense);
      continue;
    }
    yield matrix(`${layer}.mlp.gate.weight`, experts, hidden);
    for (let e = 0; e < experts; e++) yield* mlp(`${layer}.mlp.experts.${e}`, intermediate);
    yield* mlp(`${layer}.mlp.shared_experts`, shared * intermediate);
  }
  yield norm('model.norm.weight', hidden);
  yield matrix('lm_head.weight', deepseekV2Vocabulary, hidden);
}
