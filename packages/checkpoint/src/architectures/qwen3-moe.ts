import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';

/** Qwen3-MoE: query and key norms over each head, some layers dense, no shared expert. */
export const qwen3Moe: ArchitectureManifest = {
  modelType: 'qwen3_moe',
  title: 'Qwen3-MoE',
  className: 'Qwen3MoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: {
    kind: 'gqa',
    qkvBias: { key: 'attention_bias', default: false },
    outputBias: 'as-qkv',
    qkNorm: 'head',
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
  ffn: { shared: null, dense: 'mlp-only-layers', clamp: null },
  tensors: llamaStyleNames,
};
