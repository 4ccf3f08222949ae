import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';
import { optionalBias, plainAttention, plainRouter } from './traits.js';

/** OLMoE: every layer is MoE, no shared expert, query and key norms over the whole projection. */
export const olmoe: ArchitectureManifest = {
  modelType: 'olmoe',
  title: 'OLMoE',
  className: 'OlmoeForCausalLM',
  keys: { experts: 'num_experts', topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'projection', clipKey: 'clip_qkv' },
  router: plainRouter,
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: llamaStyleNames,
};
