import {
  attentionBlocks,
  type GroupedQueryAttention,
  type LatentAttention,
  type Model,
} from '@moepress/core';
import { byLayer, type Keys, uint } from '../file/metadata.js';

/** What a file says of attention. */
export function attentionKeys(model: Model): Keys {
  const attentions = attentionBlocks(model).map(({ attention }) => attention);
  const [first] = attentions;
  if (!first) return { 'attention.head_count': uint(model.config.heads) };
  if (first.kind === 'mla') return latentKeys(first);
  return groupedKeys(attentions as GroupedQueryAttention[], model);
}

function groupedKeys(attentions: readonly GroupedQueryAttention[], model: Model): Keys {
  const [{ heads, headDim, valueDim }] = attentions as readonly [GroupedQueryAttention];
  const window = attentions.find((attention) => attention.window !== null)?.window;
  const kvHeads = model.blocks.map(({ attention }) => (attention.kind === 'gqa' ? attention.kvHeads : 0));
  return {
    'attention.head_count': uint(heads),
    'attention.head_count_kv': byLayer(kvHeads),
    'attention.key_length': uint(headDim),
    'attention.value_length': uint(valueDim ?? headDim),
    ...(window && { 'attention.sliding_window': uint(window) }),
  };
}

/** Keys and values of all heads are one latent and one rotated part: attention with one head of keys. */
function latentKeys({ heads, headDim, valueDim, q, kvDown, rope }: LatentAttention): Keys {
  const latent = kvDown.norm.shape[0]!;
  return {
    'attention.head_count': uint(heads),
    'attention.head_count_kv': uint(1),
    'attention.key_length': uint(latent + rope.dim),
    'attention.value_length': uint(latent),
    'attention.key_length_mla': uint(headDim),
    'attention.value_length_mla': uint(valueDim),
    'attention.kv_lora_rank': uint(latent),
    ...(q.down && { 'attention.q_lora_rank': uint(q.down.norm.shape[0]!) }),
  };
}
