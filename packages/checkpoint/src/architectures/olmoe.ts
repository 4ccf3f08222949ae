import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';

/** OLMoE: every layer is MoE, no shared expert, query and key norms over the whole projection. */
export const olmoe: ArchitectureManifest = {
  modelType: 'olmoe',
  title: 'OLMoE',
  className: 'OlmoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  attention: {
    kind: 'gqa',
    qkvBias: { key: 'attention_bias', default: false },
    outputBias: 'as-qkv',
    qkNorm: 'projection',
    clipKey: 'clip_qkv',
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
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: llamaStyleNames,
};
