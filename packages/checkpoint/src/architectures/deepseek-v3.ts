import type { ArchitectureManifest } from './manifest.js';
import { deepseekNames } from './names.js';

/** DeepSeek-V3 and R1: latent attention; sigmoid scores, whose bias steers the selection and nothing else. */
export const deepseekV3: ArchitectureManifest = {
  modelType: 'deepseek_v3',
  title: 'DeepSeek-V3',
  className: 'DeepseekV3ForCausalLM',
  keys: { experts: 'n_routed_experts', topK: 'num_experts_per_tok', expertWidth: 'moe_intermediate_size' },
  attention: { kind: 'mla', interleaveKey: 'rope_interleave' },
  router: {
    scoring: 'sigmoid',
    methods: { noaux_tc: 'top-2-sum' },
    normalise: { default: true, unscaled: false },
    scale: { key: 'routed_scaling_factor', default: 2.5 },
    bias: false,
    selectionBias: true,
  },
  ffn: { shared: { key: 'n_shared_experts', unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: deepseekNames,
};
