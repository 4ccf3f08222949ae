import { layer } from './common.js';
import { graniteAttention, graniteKeys } from './granite.js';
import { graniteMoe } from './granite-moe.js';
import { key, none, sized, value } from './keys.js';
import type { ArchitectureManifest, FusedMlpNames } from './manifest.js';

const besideExperts: FusedMlpNames = {
  gateUp: `${layer}.shared_mlp.input_linear.weight`,
  down: `${layer}.shared_mlp.output_linear.weight`,
};

/** Granite 4: Granite with Mamba-2 in most layers, and an MLP beside the experts, which stands alone where there are none. */
export const graniteMoeHybrid: ArchitectureManifest = {
  modelType: 'granitemoehybrid',
  title: 'Granite 4 (hybrid)',
  className: 'GraniteMoeHybridForCausalLM',
  keys: {
    ...graniteKeys,
    layerTypes: key(['layer_types', 'layers_block_type'], none, { null: none }),
    positionEmbedding: key('position_embedding_type', none, { null: none }),
    spaceHeads: sized('mamba_n_heads', 128),
    spaceHeadDim: key('mamba_d_head', value('auto')),
    spaceGroups: sized('mamba_n_groups', 1),
    spaceStateDim: sized('mamba_d_state', 256),
    spaceExpansion: sized('mamba_expand', 2),
    convolutionWindow: sized('mamba_d_conv', 4),
    convolutionBias: key('mamba_conv_bias', value(true)),
    spaceProjectionBias: key('mamba_proj_bias', value(false)),
    spaceActivation: key('hidden_act', value('silu')),
    stepLimit: key('time_step_limit', value([0, { __float__: 'Infinity' }])),
    experts: sized('num_local_experts', 8),
    topK: sized('num_experts_per_tok', 2),
    expertWidth: sized('intermediate_size', 11_008),
    shared: sized('shared_intermediate_size', 1024),
    denseWidth: sized('shared_intermediate_size', 1024),
  },
  fixed: { normalization_function: ['rmsnorm'] },
  attention: { ...graniteAttention, unrotated: 'unless-named' },
  recurrence: { kind: 'state-space', norm: 'whole' },
  router: graniteMoe.router,
  ffn: { shared: { unit: 'channels', gated: false }, dense: 'without-experts', clamp: null },
  tensors: { ...graniteMoe.tensors, dense: besideExperts, shared: besideExperts },
  elsewhere: { tokenizerClass: 'TokenizersBackend' },
};
