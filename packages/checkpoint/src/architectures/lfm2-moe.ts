import { biasedRouter, layer } from './common.js';
import { key, sized, value } from './keys.js';
import { lfm2Attention, lfm2Keys, lfm2Names, numberedMlp } from './lfm2.js';
import type { ArchitectureManifest } from './manifest.js';

/** LFM2 with experts in all but the first layers. */
export const lfm2Moe: ArchitectureManifest = {
  modelType: 'lfm2_moe',
  title: 'LFM2 (MoE)',
  className: 'Lfm2MoeForCausalLM',
  keys: {
    ...lfm2Keys,
    experts: sized('num_experts', 32),
    topK: sized('num_experts_per_tok', 4),
    expertWidth: sized('moe_intermediate_size', 1792),
    usesSelectionBias: key('use_expert_bias', value(true)),
    normalises: key('norm_topk_prob', value(true)),
    scale: sized('routed_scaling_factor', 1),
    denseWidth: sized('intermediate_size', 7168),
    firstDense: sized('num_dense_layers', 2),
  },
  fixed: { hidden_act: ['silu', 'swish'] },
  attention: lfm2Attention,
  recurrence: { kind: 'short-convolution' },
  router: { ...biasedRouter, methods: { greedy: null }, addedToSum: 1e-6 },
  ffn: { shared: null, dense: 'prefix', clamp: null },
  tensors: {
    ...lfm2Names,
    router: `${layer}.feed_forward.gate`,
    selectionBias: `${layer}.feed_forward.expert_bias`,
    experts: {
      separate: numberedMlp(`${layer}.feed_forward.experts.{expert}`),
      fused: {
        gateUp: `${layer}.feed_forward.experts.gate_up_proj`,
        down: `${layer}.feed_forward.experts.down_proj`,
        bias: null,
        layout: 'stacked',
      },
    },
  },
};
