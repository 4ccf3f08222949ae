import { findArchitecture, textConfig, withoutQuantisation } from '@moepress/checkpoint';
import { type CompressionPlan, type Model, planHash } from '@moepress/core';
import type { CarriedType } from '@moepress/graph';
import { graphNames } from './onnx-types.js';

/**
 * Model types that transformers.js 4 generates with and whose caches are keys and values of each layer. Any other model
 * says that it is of the first: what such a model computes is in the graph, and the class only feeds it.
 */
export const servedTypes: readonly string[] = [
  'llama',
  ...['afmoe', 'cohere2', 'deepseek_v3', 'ernie4_5', 'gpt_oss', 'granite', 'hunyuan_v1_dense', 'llama4_text'],
  ...['mistral', 'mistral4', 'olmo2', 'qwen2', 'qwen2_moe', 'qwen3', 'qwen3_moe', 'solar_open'],
];

/** Keys that tell how the original stores its weights, or with what code. */
const dropped = ['auto_map', 'moepress', 'less_is_moe'];

export interface OnnxConfigOptions {
  readonly type: CarriedType;
  /** The number of files of weights. */
  readonly files: number;
  readonly plan: CompressionPlan | undefined;
}

/** config.json beside a graph: that of the original's text model, with what transformers.js must know of the files. */
export function onnxConfig(
  { config, architecture, source, id }: Model,
  { type, files, plan }: OnnxConfigOptions,
): Record<string, unknown> {
  const manifest = findArchitecture(architecture, id);
  const text = textConfig(withoutQuantisation(source.config, manifest), manifest, 'config.json');
  const own = Object.fromEntries(Object.entries(text).filter(([key]) => !dropped.includes(key)));
  const isServed = servedTypes.includes(manifest.modelType);
  return {
    ...own,
    architectures: [isServed ? manifest.className : 'LlamaForCausalLM'],
    model_type: isServed ? manifest.modelType : servedTypes[0],
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.maxPositions,
    'transformers.js_config': {
      dtype: type,
      use_external_data_format: { [graphNames[type]]: files },
      kv_cache_dtype: { fp16: 'float16' },
    },
    moepress: { format: 'onnx', architecture: manifest.modelType, plan: plan ? planHash(plan) : null },
  };
}
