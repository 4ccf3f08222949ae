import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';
import { plainAttention, plainRouter } from './traits.js';

/** Qwen1.5-MoE and Qwen2-MoE: a shared expert behind a sigmoid gate; biased queries, keys and values. */
export const qwen2Moe: ArchitectureManifest = {
  modelType: 'qwen2_moe',
  title: 'Qwen2-MoE',
  className: 'Qwen2MoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: { ...plainAttention, qkvBias: { key: 'qkv_bias', default: true } },
  router: plainRouter,
  ffn: {
    shared: { key: 'shared_expert_intermediate_size', unit: 'channels', gated: true },
    dense: 'mlp-only-layers',
    clamp: null,
  },
  tensors: llamaStyleNames,
};
