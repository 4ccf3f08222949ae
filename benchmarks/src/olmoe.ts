import type { TensorEntry } from '@moepress/checkpoint';
import { randomTensors, writeCheckpoint } from './random.js';

export interface OlmoeSizes {
  readonly hidden: number;
  readonly intermediate: number;
  readonly experts: number;
  readonly heads: number;
  readonly vocabulary: number;
}

/** Of allenai/OLMoE-1B-7B-0125. */
const original: OlmoeSizes = { hidden: 2048, intermediate: 1024, experts: 64, heads: 16, vocabulary: 50304 };

/**
 * Writes a random bf16 checkpoint with as many layers as asked for, by default with the shapes of
 * OLMoE-1B-7B (842 MB a layer), unless `directory` has one already.
 */
export function writeOlmoe(directory: string, layers: number, sizes: OlmoeSizes = original): Promise<void> {
  return writeCheckpoint(directory, config(layers, sizes), tensors(layers, sizes));
}

function config(layers: number, { hidden, intermediate, experts, heads, vocabulary }: OlmoeSizes) {
  return {
    architectures: ['OlmoeForCausalLM'],
    model_type: 'olmoe',
    hidden_act: 'silu',
    hidden_size: hidden,
    intermediate_size: intermediate,
    max_position_embeddings: 4096,
    norm_topk_prob: false,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    num_experts: experts,
    num_experts_per_tok: 8,
    num_hidden_layers: layers,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: false,
    eos_token_id: vocabulary - 25,
    torch_dtype: 'bfloat16',
    vocab_size: vocabulary,
  };
}

function* tensors(
  layers: number,
  { hidden, intermediate, experts, vocabulary }: OlmoeSizes,
): Generator<TensorEntry> {
  const { matrix, norm } = randomTensors();
  yield matrix('model.embed_tokens.weight', vocabulary, hidden);
  for (let l = 0; l < layers; l++) {
    const layer = `model.layers.${l}`;
    yield norm(`${layer}.input_layernorm.weight`, hidden);
    yield norm(`${layer}.post_attention_layernorm.weight`, hidden);
    for (const part of ['q', 'k', 'v', 'o'])
      yield matrix(`${layer}.self_attn.${part}_proj.weight`, hidden, hidden);
    for (const part of ['q', 'k']) yield norm(`${layer}.self_attn.${part}_norm.weight`, hidden);
    yield matrix(`${layer}.mlp.gate.weight`, experts, hidden);
    for (let e = 0; e < experts; e++) {
      const expert = `${layer}.mlp.experts.${e}`;
      yield matrix(`${expert}.gate_proj.weight`, intermediate, hidden);
      yield matrix(`${expert}.up_proj.weight`, intermediate, hidden);
      yield matrix(`${expert}.down_proj.weight`, hidden, intermediate);
    }
  }
  yield norm('model.norm.weight', hidden);
  yield matrix('lm_head.weight', vocabulary, hidden);
}
