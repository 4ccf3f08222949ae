import type { JsonObject } from '../../folder/json.js';
import type { GgufMetadata } from './gguf-metadata.js';

/** How files of an architecture of llama.cpp become a checkpoint of a family. */
export interface GgufFamily {
  /** `model_type` of the family. */
  readonly modelType: string;
  /** The order of rows of queries and keys in files, where it is not that of the family. */
  readonly rotates?: 'neighbours';
  /** It reads the sizes of heads itself: a part of each is rotated, or keys and values are latent. */
  readonly ownHeads?: true;
  /** What config.json says of a rotation by YaRN besides what files tell. */
  readonly yarn?: JsonObject;
  /** What config.json says besides the sizes that all have. */
  config(metadata: GgufMetadata, sizes: GgufSizes): JsonObject;
}

/** What the tensors of a file tell. */
export interface GgufSizes {
  readonly has: (name: string) => boolean;
  /** Sizes of a tensor, the fastest last; empty where there is none. */
  readonly shapeOf: (name: string) => readonly number[];
  /** What it divides the frequencies of the rotation by; null: nothing, undefined: what cannot be read. */
  readonly ropeFactors: Float32Array | null | undefined;
}

const experts = (metadata: GgufMetadata, counts: string): JsonObject => ({
  [counts]: metadata.count(metadata.own('expert_count')),
  num_experts_per_tok: metadata.count(metadata.own('expert_used_count')),
});

/** Channels of a routed expert: files of some architectures tell them under another key, and older ones not at all. */
const expertWidth = (_: GgufMetadata, { shapeOf }: GgufSizes, layer = 0): number =>
  shapeOf(`blk.${layer}.ffn_up_exps.weight`).at(-2) ?? 0;

const qkvBias = ({ has }: GgufSizes) => has('blk.0.attn_q.bias');

const olmoe: GgufFamily = {
  modelType: 'olmoe',
  config: (metadata) => ({
    ...experts(metadata, 'num_experts'),
    norm_topk_prob: false,
    ...(metadata.has(metadata.own('attention.clamp_kqv')) && {
      clip_qkv: metadata.number(metadata.own('attention.clamp_kqv')),
    }),
  }),
};

const qwen2Moe: GgufFamily = {
  modelType: 'qwen2_moe',
  config: (metadata, sizes) => ({
    ...experts(metadata, 'num_experts'),
    moe_intermediate_size: expertWidth(metadata, sizes),
    shared_expert_intermediate_size: sizes.shapeOf('blk.0.ffn_up_shexp.weight').at(-2) ?? 0,
    norm_topk_prob: false,
    qkv_bias: qkvBias(sizes),
    decoder_sparse_step: 1,
  }),
};

const qwen3Moe: GgufFamily = {
  modelType: 'qwen3_moe',
  config: (metadata, sizes) => ({
    ...experts(metadata, 'num_experts'),
    moe_intermediate_size: expertWidth(metadata, sizes),
    norm_topk_prob: true,
    attention_bias: qkvBias(sizes),
    decoder_sparse_step: 1,
  }),
};

const mixtral: GgufFamily = {
  modelType: 'mixtral',
  rotates: 'neighbours',
  config: (metadata, sizes) => ({
    ...experts(metadata, 'num_local_experts'),
    intermediate_size: expertWidth(metadata, sizes),
  }),
};

const llama: GgufFamily = {
  modelType: 'llama',
  rotates: 'neighbours',
  config: (_, sizes) => ({ attention_bias: qkvBias(sizes) }),
};

/** Experts behind a router as DeepSeek's, some layers dense before them. */
const deepseekExperts = (metadata: GgufMetadata, sizes: GgufSizes): JsonObject => {
  const dense = metadata.count(metadata.own('leading_dense_block_count'), 0);
  return {
    ...experts(metadata, 'n_routed_experts'),
    moe_intermediate_size: expertWidth(metadata, sizes, dense),
    n_shared_experts: metadata.count(metadata.own('expert_shared_count'), 0),
    first_k_dense_replace: dense,
    norm_topk_prob: metadata.flag(metadata.own('expert_weights_norm'), false),
    routed_scaling_factor: metadata.number(metadata.own('expert_weights_scale'), 1),
    n_group: metadata.count(metadata.own('expert_group_count'), 1) || 1,
    topk_group: metadata.count(metadata.own('expert_group_used_count'), 1) || 1,
    num_nextn_predict_layers: 0,
  };
};

const glm4Moe: GgufFamily = {
  modelType: 'glm4_moe',
  ownHeads: true,
  config: (metadata, sizes) => ({
    ...deepseekExperts(metadata, sizes),
    attention_bias: qkvBias(sizes),
    use_qk_norm: sizes.has('blk.0.attn_q_norm.weight'),
    partial_rotary_factor:
      metadata.count(metadata.own('rope.dimension_count')) /
      metadata.count(metadata.own('attention.key_length')),
  }),
};

const dots1: GgufFamily = {
  modelType: 'dots1',
  config: (metadata, sizes) => ({
    ...deepseekExperts(metadata, sizes),
    attention_bias: qkvBias(sizes),
    sliding_window: null,
  }),
};

const minimaxM2: GgufFamily = {
  modelType: 'minimax_m2',
  ownHeads: true,
  config: (metadata, sizes) => ({
    ...experts(metadata, 'num_local_experts'),
    intermediate_size: expertWidth(metadata, sizes),
    rotary_dim: metadata.count(metadata.own('rope.dimension_count')),
    scoring_func: 'sigmoid',
    use_routing_bias: true,
    use_qk_norm: true,
  }),
};

const gptOss: GgufFamily = {
  modelType: 'gpt_oss',
  yarn: { truncate: false },
  config: (metadata, sizes) => ({
    ...experts(metadata, 'num_local_experts'),
    intermediate_size: expertWidth(metadata, sizes),
    attention_bias: true,
    // Every other layer has a window, the first one too, as llama.cpp has it.
    layer_types: Array.from({ length: metadata.count(metadata.own('block_count')) }, (_, layer) =>
      layer % 2 === 0 ? 'sliding_attention' : 'full_attention',
    ),
  }),
};

/** Softmax (1), sigmoid (2): `llama_expert_gating_func_type`. Files that do not say are of DeepSeek-V2. */
const deepseek2 = (metadata: GgufMetadata): GgufFamily => {
  const isSigmoid = metadata.count(metadata.own('expert_gating_func'), 1) === 2;
  return {
    modelType: isSigmoid ? 'deepseek_v3' : 'deepseek_v2',
    ownHeads: true,
    yarn: deepseekYarn(metadata),
    config(_, sizes) {
      const length = (part: 'key' | 'value') =>
        metadata.count(
          metadata.own(`attention.${part}_length_mla`),
          metadata.count(metadata.own(`attention.${part}_length`)),
        );
      const rotated = metadata.count(metadata.own('rope.dimension_count'));
      const queryLatent = metadata.count(metadata.own('attention.q_lora_rank'), 0);
      const routing = deepseekExperts(metadata, sizes);
      if (!isSigmoid && (routing.norm_topk_prob === true || routing.n_group !== 1))
        throw metadata.unsupported('Softmax scores with groups, or divided by their sum, are not read');
      return {
        ...routing,
        num_key_value_heads: metadata.count(metadata.own('attention.head_count')),
        head_dim: rotated,
        q_lora_rank: queryLatent > 0 ? queryLatent : null,
        kv_lora_rank: metadata.count(metadata.own('attention.kv_lora_rank')),
        qk_nope_head_dim: Math.max(0, length('key') - rotated),
        qk_rope_head_dim: rotated,
        v_head_dim: length('value'),
        scoring_func: isSigmoid ? 'sigmoid' : 'softmax',
        topk_method: isSigmoid ? 'noaux_tc' : 'greedy',
      };
    },
  };
};

/** Both factors of DeepSeek's YaRN are one in published models, and so files have one number for them. */
function deepseekYarn(metadata: GgufMetadata): JsonObject {
  const key = metadata.own('rope.scaling.yarn_log_multiplier');
  if (!metadata.has(key)) return {};
  const mscale = Number((10 * metadata.number(key)).toPrecision(6));
  return { mscale, mscale_all_dim: mscale };
}

const plain = (modelType: string): GgufFamily => ({ modelType, config: () => ({}) });

/** By `general.architecture`. */
const families: Readonly<Record<string, (metadata: GgufMetadata) => GgufFamily>> = {
  olmoe: () => olmoe,
  qwen2moe: () => qwen2Moe,
  qwen3moe: () => qwen3Moe,
  llama: (metadata) => (metadata.count(metadata.own('expert_count'), 0) > 0 ? mixtral : llama),
  glm4moe: () => glm4Moe,
  'gpt-oss': () => gptOss,
  deepseek2,
  dots1: () => dots1,
  'minimax-m2': () => minimaxM2,
  qwen2: () => plain('qwen2'),
  qwen3: () => plain('qwen3'),
};

/** The architectures whose files are read. */
export const ggufArchitectureNames: readonly string[] = Object.keys(families);

/** Undefined for an architecture that is not read. */
export const ggufFamilyOf = (metadata: GgufMetadata): GgufFamily | undefined =>
  Object.hasOwn(families, metadata.architecture) ? families[metadata.architecture]!(metadata) : undefined;
