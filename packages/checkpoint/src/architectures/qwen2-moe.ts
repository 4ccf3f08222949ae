import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';

/** Qwen1.5-MoE and Qwen2-MoE: a shared expert behind a sigmoid gate; biased queries, keys and values. */
export const qwen2Moe: ArchitectureManifest = {
  modelType: 'qwen2_moe',
  title: 'Qwen2-MoE',
  className: 'Qwen2MoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: {
    kind: 'gqa',
    qkvBias: { key: 'qkv_bias', default: true },
    outputBias: 'never',
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
  ffn: {
    shared: { key: 'shared_expert_intermediate_size', unit: 'channels', gated: true },
    dense: 'mlp-only-layers',
    clamp: null,
  },
  tensors: llamaStyleNames,
};
