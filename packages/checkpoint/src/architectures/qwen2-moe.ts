import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';

/** Qwen1.5-MoE and Qwen2-MoE: a shared expert behind a sigmoid gate; biased queries, keys and values. */
export const qwen2Moe: ArchitectureManifest = {
  modelType: 'qwen2_moe',
  title: 'Qwen2-MoE',
  className: 'Qwen2MoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: {
    qkvBias: { key: 'qkv_bias', default: true },
    outputBias: 'never',
    qkNorm: null,
    clipKey: null,
  },
  router: { normaliseDefault: false },
  ffn: { sharedWidthKey: 'shared_expert_intermediate_size', dense: 'mlp-only-layers' },
  tensors: llamaStyleNames,
};
