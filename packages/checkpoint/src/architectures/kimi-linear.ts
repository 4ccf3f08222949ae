import { biasedRouter, layer, llamaStyleNames, mlp } from './common.js';
import { as, decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

const moe = `${layer}.block_sparse_moe`;

/** Kimi-Linear: a delta rule with a decay for each channel of a key, and in some layers latent attention without rotation. */
export const kimiLinear: ArchitectureManifest = {
  modelType: 'kimi_linear',
  title: 'Kimi-Linear',
  className: 'KimiLinearForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 163_840,
      hidden_size: 2304,
      num_hidden_layers: 27,
      num_attention_heads: 32,
      max_position_embeddings: 1_048_576,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: 163_584,
      eos_token_id: 163_586,
    }),
    maxPositions: key(['max_position_embeddings', 'model_max_length'], value(1_048_576)),
    kvHeads: key('num_key_value_heads', value(32), { null: as('heads') }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    queryLatent: key('q_lora_rank', none, { null: none }),
    latent: sized('kv_lora_rank', 512),
    contentDim: sized('qk_nope_head_dim', 128),
    rotatedDim: sized('qk_rope_head_dim', 64),
    valueDim: sized('v_head_dim', 128),
    deltaSettings: key('linear_attn_config', value({})),
    convolutionWindow: sized('linear_conv_kernel_dim', 4),
    deltaKeyHeads: sized('linear_num_heads', 32),
    deltaKeyDim: sized('linear_head_dim', 128),
    experts: key(['num_local_experts', 'num_experts'], value(256), { written: 'num_experts' }),
    topK: key(['num_experts_per_tok', 'num_experts_per_token'], value(8)),
    expertWidth: sized('moe_intermediate_size', 1024),
    normalises: key(['norm_topk_prob', 'moe_renormalize'], value(true)),
    scale: sized('routed_scaling_factor', 2.446),
    groups: key(['n_group', 'num_expert_group'], value(1), { written: 'num_expert_group' }),
    selectedGroups: sized('topk_group', 1),
    shared: key(['n_shared_experts', 'num_shared_experts'], value(1)),
    denseWidth: sized('intermediate_size', 9216),
    firstDense: sized('first_k_dense_replace', 1),
    mlpTypes: key('mlp_layer_types', none, { null: none }),
    furtherLayers: key('num_nextn_predict_layers', value(0), { null: value(0) }),
  },
  fixed: {
    // The convolutions have it too.
    hidden_act: ['silu', 'swish'],
    mla_use_nope: [true],
    moe_layer_freq: [1],
    moe_router_activation_func: ['sigmoid'],
    use_grouped_topk: [true],
  },
  attention: { kind: 'mla', rotation: 'none' },
  recurrence: { kind: 'gated-delta-rule', input: 'channelwise' },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'types', clamp: null },
  tensors: {
    ...llamaStyleNames,
    router: `${moe}.gate`,
    selectionBias: `${moe}.gate.e_score_correction_bias`,
    experts: {
      separate: {
        gate: `${moe}.experts.{expert}.w1.weight`,
        up: `${moe}.experts.{expert}.w3.weight`,
        down: `${moe}.experts.{expert}.w2.weight`,
      },
      fused: {
        ...llamaStyleNames.experts.fused,
        gateUp: `${moe}.experts.gate_up_proj`,
        down: `${moe}.experts.down_proj`,
      },
    },
    shared: mlp(`${moe}.shared_experts`),
    // What transformers 5 calls the module, and what it saves that of a dense layer as.
    alias: [
      ['.block_sparse_moe.', '.mlp.'],
      ['.mlp.', '.block_sparse_moe.'],
    ],
  },
};
