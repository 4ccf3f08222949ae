import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';

/** Qwen3-MoE: query and key norms over each head, some layers dense, no shared expert. */
export const qwen3Moe: ArchitectureManifest = {
  modelType: 'qwen3_moe',
  title: 'Qwen3-MoE',
  className: 'Qwen3MoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: {
    qkvBias: { key: 'attention_bias', default: false },
    outputBias: 'as-qkv',
    qkNorm: 'head',
    clipKey: null,
  },
  router: { normaliseDefault: false },
  ffn: { sharedWidthKey: null, dense: 'mlp-only-layers' },
  tensors: llamaStyleNames,
};
