import { cohere2, cohere2Attention, cohere2Keys } from './cohere2.js';
import { deepseekNames, plainRouter } from './common.js';
import { as, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Command A+ and North: Command A with experts behind some dense layers, which rotate and have windows of another step. */
export const cohere2Moe: ArchitectureManifest = {
  ...cohere2,
  modelType: 'cohere2_moe',
  title: 'Command A+ (MoE)',
  className: 'Cohere2MoeForCausalLM',
  keys: {
    ...cohere2Keys,
    epsilon: key('rms_norm_eps', as('layerEpsilon'), { null: as('layerEpsilon') }),
    rmsEpsilon: key('rms_norm_eps', none, { null: none }),
    layerEpsilon: cohere2Keys.epsilon,
    headDim: sized('head_dim', 128),
    prefixPattern: sized('prefix_dense_sliding_window_pattern', 1),
    experts: key(['num_experts', 'num_local_experts'], value(8)),
    topK: sized('num_experts_per_tok', 2),
    expertWidth: sized('intermediate_size', 22_528),
    scoring: key('expert_selection_fn', value('softmax')),
    normalises: key('norm_topk_prob', value(true)),
    shared: sized('num_shared_experts', 0),
    sharedCombination: key('shared_expert_combination_strategy', value('average')),
    denseWidth: key('prefix_dense_intermediate_size', as('expertWidth'), { null: as('expertWidth') }),
    mlpTypes: key('mlp_layer_types', none, { null: none }),
    firstDense: sized('first_k_dense_replace', 0),
  },
  attention: { ...cohere2Attention, unrotated: 'full-but-prefix', windows: 'prefixed-pattern' },
  router: { ...plainRouter, scoring: 'by-config' },
  ffn: { shared: { unit: 'experts', gated: false, averaged: 'by-config' }, dense: 'types', clamp: null },
  tensors: deepseekNames,
};
