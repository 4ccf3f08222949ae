import { attentionBlocks, type Model, type MoeFfn, moeBlocks, type Router } from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import { bool, float, type Keys, uint } from '../file/metadata.js';
import { attentionKeys } from './attention-keys.js';
import { rotationKeys } from './rotation-keys.js';

/** What a file says of the sizes and settings of a view; its experts have one width. */
export function hyperparameters(model: Model, architecture: GgufArchitecture): Keys {
  const { config, blocks } = model;
  const [attention] = attentionBlocks(model);
  return {
    vocab_size: uint(config.vocabSize),
    context_length: uint(config.maxPositions),
    embedding_length: uint(config.hiddenSize),
    block_count: uint(blocks.length),
    [`attention.layer_norm_${config.layerNorm ? '' : 'rms_'}epsilon`]: float(config.rmsNormEps),
    ...attentionKeys(model),
    ...(attention && rotationKeys(attention.attention)),
    ...ffnKeys(model, architecture),
  };
}

function ffnKeys(model: Model, architecture: GgufArchitecture): Keys {
  const dense = model.blocks.flatMap(({ ffn }) => (ffn.kind === 'dense' ? [ffn.mlp.width] : []));
  const [moe] = moeBlocks(model);
  const expertWidth = moe?.ffn.pool.at(0)?.width;
  const width = architecture.oneWidth ? (expertWidth ?? dense[0]) : (dense[0] ?? expertWidth);
  return {
    feed_forward_length: uint(width!),
    ...(moe && expertKeys(moe.ffn, architecture)),
    ...(moe && { leading_dense_block_count: uint(dense.length), interleave_moe_layer_step: uint(1) }),
  };
}

function expertKeys({ router, slots, pool, shared }: MoeFfn, { sharedBy }: GgufArchitecture): Keys {
  const [{ width }] = pool as readonly [MoeFfn['pool'][number]];
  return {
    expert_count: uint(slots.length),
    expert_used_count: uint(router.topK),
    expert_feed_forward_length: uint(width),
    ...(sharedBy !== 'width' && { expert_shared_count: uint(shared ? shared.mlp.width / width : 0) }),
    ...(sharedBy !== 'count' && { expert_shared_feed_forward_length: uint(shared?.mlp.width ?? 0) }),
    ...routerKeys(router),
  };
}

const routerKeys = ({ scoring, scale, normalise, groups }: Router): Keys => ({
  expert_gating_func: uint(scoring === 'softmax' ? 1 : 2),
  expert_weights_scale: float(scale),
  expert_weights_norm: bool(normalise),
  ...(groups && {
    expert_group_count: uint(groups.count),
    expert_group_used_count: uint(groups.selected),
  }),
});
