import type { ArchitectureManifest } from './manifest.js';
import { layer, llamaStyleNames } from './names.js';
import { plainAttention, plainRouter } from './traits.js';

/** Mixtral: every layer is MoE, the chosen weights always sum to one; projections are w1, w3 and w2. */
export const mixtral: ArchitectureManifest = {
  modelType: 'mixtral',
  title: 'Mixtral',
  className: 'MixtralForCausalLM',
  keys: { experts: 'num_local_experts', topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  attention: { ...plainAttention, window: 'every-layer' },
  router: { ...plainRouter, normalise: 'always' },
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: {
    ...llamaStyleNames,
    router: `${layer}.block_sparse_moe.gate`,
    experts: {
      separate: {
        gate: `${layer}.block_sparse_moe.experts.{expert}.w1.weight`,
        up: `${layer}.block_sparse_moe.experts.{expert}.w3.weight`,
        down: `${layer}.block_sparse_moe.experts.{expert}.w2.weight`,
      },
      fused: {
        ...llamaStyleNames.experts.fused,
        gateUp: `${layer}.block_sparse_moe.experts.gate_up_proj`,
        down: `${layer}.block_sparse_moe.experts.down_proj`,
      },
    },
    // What transformers 5 calls the module.
    alias: ['.block_sparse_moe.', '.mlp.'],
  },
};
