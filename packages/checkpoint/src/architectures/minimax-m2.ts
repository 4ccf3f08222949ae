import { biasedRouter, layer, plainAttention } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';
import { mixtral } from './mixtral.js';

/** MiniMax-M2, M2.1 and later: query and key norms over the projection, part of a head rotated, Mixtral's names. */
export const minimaxM2: ArchitectureManifest = {
  modelType: 'minimax_m2',
  title: 'MiniMax-M2',
  className: 'MiniMaxM2ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 200_064,
      hidden_size: 3072,
      num_hidden_layers: 62,
      num_attention_heads: 48,
      max_position_embeddings: 196_608,
      rms_norm_eps: 1e-6,
      rope_theta: 5_000_000,
      bos_token_id: 200_034,
      eos_token_id: 200_020,
    }),
    partialDim: key('rotary_dim', none, { null: none }),
    kvHeads: sized('num_key_value_heads', 8),
    headDim: sized('head_dim', 128),
    activation: key('hidden_act', value('silu')),
    experts: key(['num_local_experts', 'num_experts'], value(256)),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('intermediate_size', 1536),
  },
  fixed: {
    scoring_func: ['sigmoid'],
    use_routing_bias: [true],
    use_qk_norm: [true],
    qk_norm_type: ['per_layer'],
    shared_intermediate_size: [0],
    sliding_window: [null],
  },
  attention: { ...plainAttention, qkNorm: 'projection', rotation: 'part' },
  router: { ...biasedRouter, normalise: 'always' },
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: {
    ...mixtral.tensors,
    selectionBias: `${layer}.block_sparse_moe.e_score_correction_bias`,
  },
  elsewhere: { tokenizerClass: 'TokenizersBackend', ignoresNamedTokenizer: true },
};
