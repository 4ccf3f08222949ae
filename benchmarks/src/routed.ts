import type { TensorEntry } from '@moepress/checkpoint';
import { randomTensors, writeCheckpoint } from './random.js';

/** Sizes of a decoder whose layers all have grouped attention and routed experts. */
export interface RoutedSizes {
  readonly hidden: number;
  readonly intermediate: number;
  readonly experts: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
}

/**
 * A family of such decoders: the settings of its config other than the sizes, and the width of the query and key
 * norms.
 */
interface Family {
  readonly config: (sizes: RoutedSizes) => object;
  readonly queryNorm: (sizes: RoutedSizes, heads: number) => number;
}

const families = {
  olmoe: {
    config: ({ intermediate, vocabulary }) => ({
      architectures: ['OlmoeForCausalLM'],
      intermediate_size: intermediate,
      max_position_embeddings: 4096,
      norm_topk_prob: false,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      eos_token_id: vocabulary - 25,
    }),
    queryNorm: ({ headDim }, heads) => heads * headDim,
  },
  qwen3_moe: {
    config: ({ hidden, intermediate, headDim, vocabulary }) => ({
      architectures: ['Qwen3MoeForCausalLM'],
      intermediate_size: 3 * hidden,
      moe_intermediate_size: intermediate,
      head_dim: headDim,
      decoder_sparse_step: 1,
      mlp_only_layers: [],
      attention_bias: false,
      max_position_embeddings: 40_960,
      norm_topk_prob: true,
      rms_norm_eps: 1e-6,
      rope_theta: 1_000_000,
      eos_token_id: vocabulary - 25,
    }),
    queryNorm: ({ headDim }) => headDim,
  },
} satisfies Record<string, Family>;

export type RoutedFamily = keyof typeof families;

/** Shapes of allenai/OLMoE-1B-7B-0125 (842 MB per layer) and Qwen/Qwen3-30B-A3B (1.25 GB per layer). */
export const originals: Readonly<Record<RoutedFamily, RoutedSizes>> = {
  olmoe: {
    hidden: 2048,
    intermediate: 1024,
    experts: 64,
    heads: 16,
    kvHeads: 16,
    headDim: 128,
    vocabulary: 50_304,
  },
  qwen3_moe: {
    hidden: 2048,
    intermediate: 768,
    experts: 128,
    heads: 32,
    kvHeads: 4,
    headDim: 128,
    vocabulary: 151_936,
  },
};

/**
 * Writes a random bf16 checkpoint with as many layers as asked for, by default with the published shapes, unless
 * `directory` has one already.
 */
export function writeRouted(
  directory: string,
  name: RoutedFamily,
  layers: number,
  sizes: RoutedSizes = originals[name],
): Promise<void> {
  const family: Family = families[name];
  const config = {
    model_type: name,
    hidden_act: 'silu',
    hidden_size: sizes.hidden,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    num_experts: sizes.experts,
    num_experts_per_tok: 8,
    num_hidden_layers: layers,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    vocab_size: sizes.vocabulary,
    ...family.config(sizes),
  };
  return writeCheckpoint(directory, config, tensors(family, layers, sizes));
}

function* tensors(family: Family, layers: number, sizes: RoutedSizes): Generator<TensorEntry> {
  const { hidden, intermediate, experts, heads, kvHeads, headDim, vocabulary } = sizes;
  const { embedding, matrix, norm } = randomTensors();
  const projections = [
    ['q', heads],
    ['k', kvHeads],
    ['v', kvHeads],
  ] as const;
  yield embedding('model.embed_tokens.weight', vocabulary, hidden);
  for (let l = 0; l < layers; l++) {
    const layer = `model.layers.${l}`;
    yield norm(`${layer}.input_layernorm.weight`, hidden);
    yield norm(`${layer}.post_attention_layernorm.weight`, hidden);
    for (const [part, count] of projections)
      yield matrix(`${layer}.self_attn.${part}_proj.weight`, count * headDim, hidden);
    yield matrix(`${layer}.self_attn.o_proj.weight`, hidden, heads * headDim);
    for (const [part, count] of projections.slice(0, 2))
      yield norm(`${layer}.self_attn.${part}_norm.weight`, family.queryNorm(sizes, count));
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
