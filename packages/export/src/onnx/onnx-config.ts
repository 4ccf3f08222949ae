import { findArchitecture, textConfig, withoutQuantisation } from '@moepress/checkpoint';
import { type CompressionPlan, type Model, planHash } from '@moepress/core';
import type { CarriedType } from '@moepress/graph';
import { graphNames } from './onnx-types.js';
import { servedAs } from './served-as.js';

/** Keys that tell how the original stores its weights, or with what code. */
const dropped = ['auto_map', 'moepress', 'less_is_moe'];

export interface OnnxConfigOptions {
  readonly type: CarriedType;
  /** The number of files of weights. */
  readonly files: number;
  readonly plan: CompressionPlan | undefined;
}

/** config.json beside a graph: that of the original's text model, with what transformers.js must know of the files. */
export function onnxConfig(model: Model, { type, files, plan }: OnnxConfigOptions): Record<string, unknown> {
  const { config, architecture, source, id } = model;
  const manifest = findArchitecture(architecture, id);
  const text = textConfig(withoutQuantisation(source.config, manifest), manifest, 'config.json');
  const own = Object.fromEntries(Object.entries(text).filter(([key]) => !dropped.includes(key)));
  return {
    ...own,
    ...servedAs(model),
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
