import type { TensorEntry } from '@moepress/checkpoint';
import { randomTensors, writeCheckpoint } from './random.js';

/** Sizes of openai/gpt-oss-20b. */
const hidden = 2880;
const intermediate = 2880;
const experts = 32;
const heads = 64;
const kvHeads = 8;
const headDim = 64;
export const gptOssVocabulary = 201_088;

/**
 * Writes a random checkpoint with the shapes of gpt-oss-20b and as many layers as asked for, unless `directory` has
 * one already. Experts are 4-bit floats with a scale for each 32 (MXFP4) as published, 420 MB a layer; the rest is bf16.
 */
export function writeGptOss(directory: string, layers: number): Promise<void> {
  return writeCheckpoint(directory, config(layers), tensors(layers));
}

const config = (layers: number) => ({
  architectures: ['GptOssForCausalLM'],
  model_type: 'gpt_oss',
  attention_bias: true,
  hidden_act: 'silu',
  hidden_size: hidden,
  intermediate_size: intermediate,
  head_dim: headDim,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  num_local_experts: experts,
  num_experts_per_tok: 4,
  experts_per_token: 4,
  num_hidden_layers: layers,
  layer_types: Array.from({ length: layers }, (_, l) =>
    l % 2 === 0 ? 'sliding_attention' : 'full_attention',
  ),
  sliding_window: 128,
  swiglu_limit: 7,
  initial_context_length: 4096,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 150_000,
  rope_scaling: {
    rope_type: 'yarn',
    factor: 32,
    beta_fast: 32,
    beta_slow: 1,
    original_max_position_embeddings: 4096,
    truncate: false,
  },
  tie_word_embeddings: false,
  eos_token_id: 200_002,
  pad_token_id: 199_999,
  torch_dtype: 'bfloat16',
  vocab_size: gptOssVocabulary,
  quantization_config: {
    quant_method: 'mxfp4',
    modules_to_not_convert: [
      'model.layers.*.self_attn',
      'model.layers.*.mlp.router',
      'model.embed_tokens',
      'lm_head',
    ],
  },
});

function* tensors(layers: number): Generator<TensorEntry> {
  const { embedding, matrix, norm, mxfp4 } = randomTensors();
  const biased = (stem: string, out: number, into: number) => [
    matrix(`${stem}.weight`, out, into),
    matrix(`${stem}.bias`, out),
  ];
  yield embedding('model.embed_tokens.weight', gptOssVocabulary, hidden);
  for (let l = 0; l < layers; l++) {
    const layer = `model.layers.${l}`;
    const attention = `${layer}.self_attn`;
    yield norm(`${layer}.input_layernorm.weight`, hidden);
    yield norm(`${layer}.post_attention_layernorm.weight`, hidden);
    yield* biased(`${attention}.q_proj`, heads * headDim, hidden);
    yield* biased(`${attention}.k_proj`, kvHeads * headDim, hidden);
    yield* biased(`${attention}.v_proj`, kvHeads * headDim, hidden);
    yield* biased(`${attention}.o_proj`, hidden, heads * headDim);
    yield matrix(`${attention}.sinks`, heads);
    yield* biased(`${layer}.mlp.router`, experts, hidden);
    yield* mxfp4(`${layer}.mlp.experts.gate_up_proj`, experts, 2 * intermediate, hidden);
    yield* mxfp4(`${layer}.mlp.experts.down_proj`, experts, hidden, intermediate);
    yield matrix(`${layer}.mlp.experts.gate_up_proj_bias`, experts, 2 * intermediate);
    yield matrix(`${layer}.mlp.experts.down_proj_bias`, experts, hidden);
  }
  yield norm('model.norm.weight', hidden);
  yield matrix('lm_head.weight', gptOssVocabulary, hidden);
}
