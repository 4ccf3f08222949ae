import type { ArchitectureManifest } from './manifest.js';
import { deepseekNames } from './names.js';
import { plainRouter } from './traits.js';

/** DeepSeek-V2: latent attention; the router may choose from the best groups of experts only. */
export const deepseekV2: ArchitectureManifest = {
  modelType: 'deepseek_v2',
  title: 'DeepSeek-V2',
  className: 'DeepseekV2ForCausalLM',
  keys: { experts: 'n_routed_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: { kind: 'mla', interleaveKey: null },
  router: {
    ...plainRouter,
    methods: { greedy: null, group_limited_greedy: 'max' },
    normalise: { default: false, unscaled: true },
    scale: { key: 'routed_scaling_factor', default: 1 },
  },
  ffn: { shared: { key: 'n_shared_experts', unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: deepseekNames,
};
