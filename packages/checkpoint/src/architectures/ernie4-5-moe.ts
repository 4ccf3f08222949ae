import { deepseekNames, layer, plainAttention, plainRouter } from './common.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** ERNIE 4.5 with experts: softmax scores, whose bias steers the selection and nothing else. */
export const ernie45Moe: ArchitectureManifest = {
  modelType: 'ernie4_5_moe',
  title: 'ERNIE 4.5 (MoE)',
  className: 'Ernie4_5_MoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 103_424,
      hidden_size: 2560,
      num_hidden_layers: 28,
      num_attention_heads: 20,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 500_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    tied: key('tie_word_embeddings', value(true)),
    kvHeads: key('num_key_value_heads', value(4), { null: as('heads') }),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    experts: key(['moe_num_experts', 'num_experts'], value(64)),
    topK: key(['moe_k', 'num_experts_per_tok'], value(6)),
    expertWidth: sized('moe_intermediate_size', 1536),
    leastSum: sized('moe_norm_min', 1e-12),
    shared: sized('moe_num_shared_experts', 2),
    denseWidth: sized('intermediate_size', 12_288),
    firstDense: sized('moe_layer_start_index', 1),
    lastMoe: sized('moe_layer_end_index', -1),
    moeEvery: sized('moe_layer_interval', 1),
    furtherLayers: key('num_nextn_predict_layers', value(0), { null: value(0) }),
  },
  // Biases would be those of the head, too.
  fixed: { use_bias: [false], use_rmsnorm: [true], moe_gate: ['topk'] },
  attention: { ...plainAttention, pairing: 'neighbours' },
  router: { ...plainRouter, normalise: 'always', selectionBias: true },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'interval', clamp: null },
  tensors: {
    ...deepseekNames,
    selectionBias: `${layer}.mlp.moe_statics.e_score_correction_bias`,
    selectionBiasAsRow: true,
    // What transformers 5 calls it.
    alias: [['.mlp.moe_statics.', '.mlp.gate.moe_statics.']],
  },
  predictionPrefixes: ['model.mtp_'],
  elsewhere: { denseSibling: 'ernie4_5', tokenizerClass: 'TokenizersBackend', ignoresNamedTokenizer: true },
};
