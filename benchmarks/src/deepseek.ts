import type { TensorEntry } from '@moepress/checkpoint';
import { randomTensors, writeCheckpoint } from './random.js';

/** Sizes of deepseek-ai/deepseek-moe-16b-base. */
const hidden = 2048;
const intermediate = 1408;
const dense = 10_944;
const experts = 64;
const shared = 2;
const vocabulary = 102_400;

/**
 * Writes a random bf16 checkpoint with the shapes of DeepSeekMoE-16B and as many MoE layers as asked for (1.2 GB
 * each) after its dense one, unless `directory` has one already.
 */
export function writeDeepseek(directory: string, moeLayers: number): Promise<void> {
  return writeCheckpoint(directory, config(moeLayers + 1), tensors(moeLayers + 1));
}

const config = (layers: number) => ({
  architectures: ['DeepseekForCausalLM'],
  model_type: 'deepseek',
  hidden_act: 'silu',
  hidden_size: hidden,
  intermediate_size: dense,
  moe_intermediate_size: intermediate,
  max_position_embeddings: 4096,
  norm_topk_prob: false,
  num_attention_heads: 16,
  num_key_value_heads: 16,
  n_routed_experts: experts,
  n_shared_experts: shared,
  num_experts_per_tok: 6,
  num_hidden_layers: layers,
  first_k_dense_replace: 1,
  moe_layer_freq: 1,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  scoring_func: 'softmax',
  tie_word_embeddings: false,
  eos_token_id: 100_001,
  torch_dtype: 'bfloat16',
  vocab_size: vocabulary,
});

function* tensors(layers: number): Generator<TensorEntry> {
  const { embedding, matrix, norm } = randomTensors();
  const mlp = (stem: string, width: number) => [
    matrix(`${stem}.gate_proj.weight`, width, hidden),
    matrix(`${stem}.up_proj.weight`, width, hidden),
    matrix(`${stem}.down_proj.weight`, hidden, width),
  ];
  yield embedding('model.embed_tokens.weight', vocabulary, hidden);
  for (let l = 0; l < layers; l++) {
    const layer = `model.layers.${l}`;
    yield norm(`${layer}.input_layernorm.weight`, hidden);
    yield norm(`${layer}.post_attention_layernorm.weight`, hidden);
    for (const part of ['q', 'k', 'v', 'o'])
      yield matrix(`${layer}.self_attn.${part}_proj.weight`, hidden, hidden);
    if (l === 0) {
      yield* mlp(`${layer}.mlp`, dense);
      continue;
    }
    yield matrix(`${layer}.mlp.gate.weight`, experts, hidden);
    for (let e = 0; e < experts; e++) yield* mlp(`${layer}.mlp.experts.${e}`, intermediate);
    yield* mlp(`${layer}.mlp.shared_experts`, shared * intermediate);
  }
  yield norm('model.norm.weight', hidden);
  yield matrix('lm_head.weight', vocabulary, hidden);
}
