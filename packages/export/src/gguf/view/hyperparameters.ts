import { attentionBlocks, type Model, type MoeFfn, moeBlocks, type Router } from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import { bool, float, type Keys, uint } from '../file/metadata.js';
import { attentionKeys } from './attention-keys.js';
import { recurrenceKeys } from './recurrence-keys.js';
import { rotationKeys } from './rotation-keys.js';

/** What a file says of the sizes and settings of a view; its experts have one width. */
export function hyperparameters(model: Model, architecture: GgufArchitecture): Keys {
  const { config, blocks } = model;
  const attentions = attentionBlocks(model).map(({ attention }) => attention);
  // Where layers differ, those without a window are the ones that files tell of first.
  const main = attentions.find((each) => each.kind === 'mla' || each.window === null) ?? attentions[0];
  return {
    vocab_size: uint(config.vocabSize),
    context_length: uint(config.maxPositions),
    embedding_length: uint(config.hiddenSize),
    block_count: uint(blocks.length),
    [`attention.layer_norm_${config.layerNorm ? '' : 'rms_'}epsilon`]: float(config.rmsNormEps),
    ...attentionKeys(model, architecture),
    ...(main && rotationKeys(main, architecture)),
    ...recurrenceKeys(model),
    ...factorKeys(model),
    ...ffnKeys(model, architecture),
  };
}

/** Constants that are multiplied by, and the cap of the logits. */
function factorKeys({ config }: Model): Keys {
  const { multipliers, logitCap } = config;
  return {
    ...(multipliers && {
      embedding_scale: float(multipliers.embedding),
      residual_scale: float(multipliers.residual),
      logit_scale: float(1 / multipliers.logits),
    }),
    ...(logitCap !== undefined && { final_logit_softcapping: float(logitCap) }),
  };
}

function ffnKeys(model: Model, architecture: GgufArchitecture): Keys {
  const dense = model.blocks.flatMap(({ ffn }) => (ffn.kind === 'dense' ? [ffn.mlp.width] : []));
  const [moe] = moeBlocks(model);
  const expertWidth = moe?.ffn.pool.at(0)?.width;
  // What stands beside experts with norms of their own is named as a dense FFN.
  const beside = moe?.norms.parts ? moe.ffn.shared?.mlp.width : dense[0];
  const width = architecture.oneWidth ? (expertWidth ?? beside) : (beside ?? expertWidth);
  return {
    feed_forward_length: uint(width!),
    ...architecture.constants,
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
