import { biasedRouter, llamaStyleNames, plainAttention, stateSpaceNames } from './common.js';
import { as, decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest, MlpNames, TensorNames } from './manifest.js';

const layer = 'backbone.layers.{layer}';

const ungatedMlp = (stem: string): MlpNames => ({
  gate: null,
  up: `${stem}.up_proj.weight`,
  down: `${stem}.down_proj.weight`,
});

const names: TensorNames = {
  ...llamaStyleNames,
  embed: 'backbone.embeddings.weight',
  finalNorm: 'backbone.norm_f.weight',
  attentionNorm: `${layer}.norm.weight`,
  ffnNorm: `${layer}.norm.weight`,
  query: `${layer}.mixer.q_proj`,
  key: `${layer}.mixer.k_proj`,
  value: `${layer}.mixer.v_proj`,
  output: `${layer}.mixer.o_proj`,
  stateSpace: stateSpaceNames(`${layer}.mixer`),
  router: `${layer}.mixer.gate`,
  selectionBias: `${layer}.mixer.gate.e_score_correction_bias`,
  experts: {
    separate: ungatedMlp(`${layer}.mixer.experts.{expert}`),
    fused: {
      gateUp: `${layer}.mixer.experts.up_proj`,
      down: `${layer}.mixer.experts.down_proj`,
      bias: null,
      layout: 'ungated',
    },
  },
  dense: ungatedMlp(`${layer}.mixer`),
  shared: ungatedMlp(`${layer}.mixer.shared_experts`),
  latentExperts: { down: `${layer}.mixer.fc1_latent_proj`, up: `${layer}.mixer.fc2_latent_proj` },
  // What transformers 5 calls it.
  alias: [['backbone.', 'model.']],
};

/** Nemotron-H: each layer is Mamba-2, attention, an MLP or an MoE, and nothing else; MLPs have no gates. */
export const nemotronH: ArchitectureManifest = {
  modelType: 'nemotron_h',
  title: 'Nemotron-H',
  className: 'NemotronHForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 131_072,
      hidden_size: 4096,
      num_hidden_layers: 4,
      num_attention_heads: 32,
      max_position_embeddings: 4096,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    epsilon: sized('layer_norm_epsilon', 1e-5),
    kvHeads: key('num_key_value_heads', value(8), { null: as('heads') }),
    headDim: sized('head_dim', 128),
    layerTypes: key(['layers_block_type', 'layer_types'], none, { null: none }),
    layerPattern: key('hybrid_override_pattern', none, { null: none }),
    spaceHeads: sized('mamba_num_heads', 128),
    spaceHeadDim: sized('mamba_head_dim', 64),
    spaceGroups: key(['n_groups', 'mamba_n_groups'], value(8)),
    spaceStateDim: sized('ssm_state_size', 128),
    convolutionWindow: key(['conv_kernel', 'mamba_d_conv'], value(4)),
    convolutionBias: key(['use_conv_bias', 'mamba_conv_bias'], value(true)),
    spaceProjectionBias: key('use_bias', value(false)),
    spaceActivation: key('mamba_hidden_act', value('silu')),
    leastStep: key(['time_step_min', 'mamba_dt_min'], value(0.001)),
    stepLimit: key(['time_step_limit', 'mamba_dt_limit'], none),
    activation: key('mlp_hidden_act', value('relu2')),
    mlpBias: key('mlp_bias', value(false)),
    experts: key(['n_routed_experts', 'num_local_experts'], value(8)),
    topK: sized('num_experts_per_tok', 2),
    expertWidth: sized('moe_intermediate_size', 7688),
    expertSpace: key('moe_latent_size', none, { null: none }),
    normalises: key('norm_topk_prob', value(true)),
    scale: sized('routed_scaling_factor', 1),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    shared: sized('moe_shared_expert_intermediate_size', 7688),
    denseWidth: sized('intermediate_size', 21_504),
    furtherLayers: sized('num_nextn_predict_layers', 0),
  },
  fixed: { attention_bias: [false], mamba_proj_bias: [false], n_shared_experts: [1] },
  attention: { ...plainAttention, unrotated: 'always' },
  recurrence: { kind: 'state-space', norm: 'groups' },
  router: biasedRouter,
  ffn: { shared: { unit: 'channels', gated: false }, dense: 'layer-types', ungated: true, clamp: null },
  tensors: names,
  predictionPrefixes: ['mtp.'],
};
