import { layer, llamaStyleNames, mlp, plainRouter } from './common.js';
import { granite, graniteKeys } from './granite.js';
import { sized } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Granite 3 with experts, and PowerMoE: weights are a softmax over the chosen experts; these lie in one tensor. */
export const graniteMoe: ArchitectureManifest = {
  modelType: 'granitemoe',
  title: 'Granite (MoE)',
  className: 'GraniteMoeForCausalLM',
  keys: {
    ...graniteKeys,
    experts: sized('num_local_experts', 8),
    topK: sized('num_experts_per_tok', 2),
    expertWidth: sized('intermediate_size', 11_008),
  },
  attention: granite.attention,
  // A softmax over the chosen logits is one over all, divided by the sum of the chosen.
  router: { ...plainRouter, normalise: 'always' },
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: {
    ...llamaStyleNames,
    dense: mlp(`${layer}.block_sparse_moe`),
    router: `${layer}.block_sparse_moe.router.layer`,
    experts: {
      separate: null,
      ownWidth: mlp(`${layer}.block_sparse_moe.experts.{expert}`),
      fused: {
        ...llamaStyleNames.experts.fused,
        gateUp: `${layer}.block_sparse_moe.input_linear.weight`,
        down: `${layer}.block_sparse_moe.output_linear.weight`,
      },
    },
    // What transformers 5 calls them.
    alias: [
      ['.router.layer.', '.router.'],
      ['.input_linear.weight', '.experts.gate_up_proj'],
      ['.output_linear.weight', '.experts.down_proj'],
    ],
  },
  elsewhere: { denseSibling: 'granite', tokenizerClass: 'TokenizersBackend' },
};
