import type { ArchitectureManifest } from './manifest.js';
import { deepseekNames } from './names.js';

/** DeepSeekMoE (16B), whose code comes with its checkpoints: plain attention, ungated shared experts. */
export const deepseek: ArchitectureManifest = {
  modelType: 'deepseek',
  title: 'DeepSeekMoE',
  className: 'DeepseekForCausalLM',
  keys: { experts: 'n_routed_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: {
    kind: 'gqa',
    qkvBias: { key: 'attention_bias', default: false },
    outputBias: 'as-qkv',
    qkNorm: null,
    clipKey: null,
    window: 'never',
    sinks: false,
  },
  router: {
    scoring: 'softmax',
    methods: { greedy: null },
    normalise: { default: false, unscaled: false },
    scale: null,
    bias: false,
    selectionBias: false,
  },
  ffn: { shared: { key: 'n_shared_experts', unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: deepseekNames,
};
