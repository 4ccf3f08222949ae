import {
  attentionBlocks,
  type GroupedQueryAttention,
  type LatentAttention,
  type Model,
} from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import { bools, byLayer, float, type Keys, uint } from '../file/metadata.js';

/** What a file says of attention. */
export function attentionKeys(model: Model, architecture: GgufArchitecture): Keys {
  const attentions = attentionBlocks(model).map(({ attention }) => attention);
  const [first] = attentions;
  if (!first) return { 'attention.head_count': uint(model.config.heads) };
  if (first.kind === 'mla') return latentKeys(first);
  return groupedKeys(attentions as GroupedQueryAttention[], model, architecture);
}

function groupedKeys(
  attentions: readonly GroupedQueryAttention[],
  model: Model,
  { windowsByLayer }: GgufArchitecture,
): Keys {
  const windowed = attentions.find(({ window }) => window !== null);
  const main = attentions.find(({ window }) => window === null) ?? attentions[0]!;
  const { heads, headDim, valueDim, scale, valueScale = 1 } = main;
  // Layers without keys are told from others by having no heads of them, but for those of a delta rule.
  const kvHeads = model.blocks.map(({ attention }) => {
    if (attention.kind === 'gqa') return attention.kvHeads;
    return attention.kind === 'gated-delta-rule' ? main.kvHeads : 0;
  });
  const isPlain = Math.abs(scale * Math.sqrt(headDim) - 1) < 1e-6;
  return {
    'attention.head_count': uint(heads),
    'attention.head_count_kv': byLayer(kvHeads),
    'attention.key_length': uint(headDim),
    'attention.value_length': uint(valueDim ?? headDim),
    ...(!isPlain && { 'attention.scale': float(scale) }),
    ...(valueScale !== 1 && { 'attention.value_scale': float(valueScale) }),
    ...(windowed && windowKeys(windowed, main)),
    ...(windowsByLayer && {
      'attention.sliding_window_pattern': bools(
        model.blocks.map(({ attention }) => attention.kind === 'gqa' && attention.window !== null),
      ),
    }),
  };
}

/** What layers with a window have, where it is not what others have. */
const windowKeys = (windowed: GroupedQueryAttention, main: GroupedQueryAttention): Keys => ({
  'attention.sliding_window': uint(windowed.window!),
  ...(windowed.headDim !== main.headDim && {
    'attention.key_length_swa': uint(windowed.headDim),
    'attention.value_length_swa': uint(windowed.valueDim ?? windowed.headDim),
    'rope.dimension_count_swa': uint(windowed.rope.dim),
  }),
  ...(windowed.rope.theta !== main.rope.theta && { 'rope.freq_base_swa': float(windowed.rope.theta) }),
});

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
