import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';
import { optionalBias, plainAttention, plainRouter } from './traits.js';

/** Qwen3-MoE: query and key norms over each head, some layers dense, no shared expert. */
export const qwen3Moe: ArchitectureManifest = {
  modelType: 'qwen3_moe',
  title: 'Qwen3-MoE',
  className: 'Qwen3MoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'head' },
  router: plainRouter,
  ffn: { shared: null, dense: 'mlp-only-layers', clamp: null },
  tensors: llamaStyleNames,
};
