import type { JsonObject } from '../../folder/json.js';
import type { GgufMetadata } from './gguf-metadata.js';

/** How files of an architecture of llama.cpp become a checkpoint of a family. */
export interface GgufFamily {
  /** `model_type` of the family. */
  readonly modelType: string;
  /** The order of rows of queries and keys in files, where it is not that of the family. */
  readonly rotates?: 'neighbours';
  /** What config.json says besides the sizes that all have. */
  config(metadata: GgufMetadata, sizes: GgufSizes): JsonObject;
}

/** What the tensors of a file tell. */
export interface GgufSizes {
  readonly has: (name: string) => boolean;
  /** Sizes of a tensor, the fastest last; empty where there is none. */
  readonly shapeOf: (name: string) => readonly number[];
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

const glm4Moe: GgufFamily = {
  modelType: 'glm4_moe',
  config(metadata, sizes) {
    const dense = metadata.count(metadata.own('leading_dense_block_count'), 0);
    return {
      ...experts(metadata, 'n_routed_experts'),
      moe_intermediate_size: expertWidth(metadata, sizes, dense),
      n_shared_experts: metadata.count(metadata.own('expert_shared_count')),
      first_k_dense_replace: dense,
      norm_topk_prob: metadata.flag(metadata.own('expert_weights_norm'), true),
      routed_scaling_factor: metadata.number(metadata.own('expert_weights_scale'), 1),
      n_group: metadata.count(metadata.own('expert_group_count'), 1),
      topk_group: metadata.count(metadata.own('expert_group_used_count'), 1),
      attention_bias: qkvBias(sizes),
      use_qk_norm: sizes.has('blk.0.attn_q_norm.weight'),
      partial_rotary_factor:
        metadata.count(metadata.own('rope.dimension_count')) /
        metadata.count(metadata.own('attention.key_length')),
    };
  },
};

const plain = (modelType: string): GgufFamily => ({ modelType, config: () => ({}) });

/** By `general.architecture`. */
const families: Readonly<Record<string, (metadata: GgufMetadata) => GgufFamily>> = {
  olmoe: () => olmoe,
  qwen2moe: () => qwen2Moe,
  qwen3moe: () => qwen3Moe,
  llama: (metadata) => (metadata.count(metadata.own('expert_count'), 0) > 0 ? mixtral : llama),
  glm4moe: () => glm4Moe,
  qwen2: () => plain('qwen2'),
  qwen3: () => plain('qwen3'),
};

/** The architectures whose files are read. */
export const ggufArchitectureNames: readonly string[] = Object.keys(families);

/** Undefined for an architecture that is not read. */
export const ggufFamilyOf = (metadata: GgufMetadata): GgufFamily | undefined =>
  Object.hasOwn(families, metadata.architecture) ? families[metadata.architecture]!(metadata) : undefined;
