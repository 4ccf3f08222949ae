import { biasedRouter, deepseekNames, layer, plainAttention } from './common.js';
import { decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** K-EXAONE: windows in most layers, whose tokens alone are rotated; the others know no positions. */
export const exaoneMoe: ArchitectureManifest = {
  modelType: 'exaone_moe',
  title: 'K-EXAONE',
  className: 'ExaoneMoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 102_400,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: 1,
      eos_token_id: 53,
    }),
    kvHeads: sized('num_key_value_heads', 32),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    slidingWindow: key('sliding_window', value(4096), { null: none }),
    windowPattern: sized('sliding_window_pattern', 4),
    experts: sized('num_experts', 64),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('moe_intermediate_size', 1024),
    normalises: key('norm_topk_prob', value(true)),
    scale: sized('routed_scaling_factor', 2.5),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    shared: sized('num_shared_experts', 1),
    denseWidth: sized('intermediate_size', 16_384),
    mlpTypes: key('mlp_layer_types', none, { null: none }),
    firstDense: sized('first_k_dense_replace', 1),
    furtherLayers: key('num_nextn_predict_layers', value(0), { null: value(0) }),
  },
  fixed: { scoring_func: ['sigmoid'], topk_method: ['noaux_tc'] },
  attention: {
    ...plainAttention,
    qkNorm: 'head',
    rotation: 'undivided',
    windows: 'pattern',
    unrotated: 'full-beside-windows',
  },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'types', clamp: null },
  tensors: {
    ...deepseekNames,
    selectionBias: `${layer}.mlp.e_score_correction_bias`,
    // What transformers 5 calls it.
    alias: [['.mlp.e_score_correction_bias', '.mlp.gate.e_score_correction_bias']],
  },
  predictionPrefixes: ['mtp.'],
};
