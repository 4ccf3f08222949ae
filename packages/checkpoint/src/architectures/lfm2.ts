import { denseFfn, layer, llamaStyleNames, plainAttention } from './common.js';
import { decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest, GroupedQueryTraits, MlpNames, TensorNames } from './manifest.js';

/** What the family reads with and without experts. */
export const lfm2Keys = {
  ...decoderKeys({
    vocab_size: 65_536,
    hidden_size: 2048,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 128_000,
    rms_norm_eps: 1e-5,
    rope_theta: 1_000_000,
    bos_token_id: 1,
    eos_token_id: 2,
  }),
  epsilon: sized('norm_eps', 1e-5),
  tied: key(['tie_word_embeddings', 'tie_embedding'], value(true)),
  kvHeads: sized('num_key_value_heads', 8),
  headDim: key('head_dim', perHead),
  convolutionWindow: sized('conv_L_cache', 3),
  convolutionBias: key('conv_bias', value(false)),
} as const;

export const lfm2Attention: GroupedQueryTraits = { ...plainAttention, qkNorm: 'head' };

/** Projections as the family numbers them. */
export const numberedMlp = (stem: string): MlpNames => ({
  gate: `${stem}.w1.weight`,
  up: `${stem}.w3.weight`,
  down: `${stem}.w2.weight`,
});

export const lfm2Names: TensorNames = {
  ...llamaStyleNames,
  finalNorm: 'model.embedding_norm.weight',
  attentionNorm: `${layer}.operator_norm.weight`,
  ffnNorm: `${layer}.ffn_norm.weight`,
  output: `${layer}.self_attn.out_proj`,
  queryNorm: `${layer}.self_attn.q_layernorm.weight`,
  keyNorm: `${layer}.self_attn.k_layernorm.weight`,
  dense: numberedMlp(`${layer}.feed_forward`),
};

/** LFM2: short convolutions between gates in most layers, attention in the others. */
export const lfm2: ArchitectureManifest = {
  modelType: 'lfm2',
  title: 'LFM2',
  className: 'Lfm2ForCausalLM',
  keys: {
    ...lfm2Keys,
    hiddenSize: sized('hidden_size', 2560),
    fullLayers: key('full_attn_idxs', none, { null: none }),
    denseWidth: key(['intermediate_size', 'block_ff_dim'], value(12_288)),
    adjustsWidth: key('block_auto_adjust_ff_dim', value(true)),
    widthFactor: key('block_ffn_dim_multiplier', value(1), { null: none }),
    widthMultiple: sized('block_multiple_of', 256),
  },
  fixed: { hidden_act: ['silu', 'swish'], block_use_swiglu: [true] },
  attention: lfm2Attention,
  recurrence: { kind: 'short-convolution' },
  router: null,
  ffn: denseFfn,
  tensors: lfm2Names,
};
