import type { ArchitectureManifest } from './manifest.js';
import { deepseekNames } from './names.js';
import { optionalBias, plainAttention, plainRouter } from './traits.js';

/** DeepSeekMoE (16B), whose code comes with its checkpoints: plain attention, ungated shared experts. */
export const deepseek: ArchitectureManifest = {
  modelType: 'deepseek',
  title: 'DeepSeekMoE',
  className: 'DeepseekForCausalLM',
  keys: { experts: 'n_routed_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: { ...plainAttention, ...optionalBias },
  router: plainRouter,
  ffn: { shared: { key: 'n_shared_experts', unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: deepseekNames,
};
