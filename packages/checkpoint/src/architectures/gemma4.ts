import { layer, llamaStyleNames, mlp, optionalBias, plainAttention, plainRouter, within } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest, TensorNames } from './manifest.js';

const names: TensorNames = {
  ...llamaStyleNames,
  ffnNorm: `${layer}.pre_feedforward_layernorm.weight`,
  router: `${layer}.router.proj`,
  experts: {
    separate: null,
    fused: {
      gateUp: `${layer}.experts.gate_up_proj`,
      down: `${layer}.experts.down_proj`,
      bias: null,
      layout: 'stacked',
    },
    ownWidth: mlp(`${layer}.experts.{expert}`),
  },
  shared: mlp(`${layer}.mlp`),
};

/** The text model of Gemma 4 without embeddings for single layers: a dense MLP, and beside it experts where it has some. */
export const gemma4Text: ArchitectureManifest = {
  modelType: 'gemma4_text',
  title: 'Gemma 4, text alone',
  className: 'Gemma4ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 262_144,
      hidden_size: 2304,
      num_hidden_layers: 30,
      num_attention_heads: 8,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: 2,
      eos_token_id: 1,
    }),
    tied: key('tie_word_embeddings', value(true)),
    kvHeads: sized('num_key_value_heads', 4),
    headDim: sized('head_dim', 256),
    fullHeadDim: sized('global_head_dim', 512),
    fullKvHeads: key('num_global_key_value_heads', none, { null: none }),
    keysAreValues: key('attention_k_eq_v', value(false)),
    activation: key('hidden_activation', value('gelu_pytorch_tanh')),
    attentionBias: key('attention_bias', value(false)),
    slidingWindow: sized('sliding_window', 512),
    windowPattern: sized('sliding_window_pattern', 6),
    logitCap: key('final_logit_softcapping', none, { null: none }),
    perLayerInput: sized('hidden_size_per_layer_input', 256),
    hasExperts: key('enable_moe_block', value(false)),
    experts: key('num_experts', none, { null: none }),
    topK: key('top_k_experts', none, { null: none }),
    expertWidth: key('moe_intermediate_size', none, { null: none }),
    denseWidth: sized('intermediate_size', 9216),
    shared: sized('intermediate_size', 9216),
  },
  fixed: {
    sliding_window_pattern: [6],
    num_kv_shared_layers: [0],
    use_bidirectional_attention: ['vision'],
    rope_scaling: [null],
  },
  attention: {
    ...plainAttention,
    ...optionalBias,
    unscaled: true,
    qkNorm: 'head',
    valueNorm: true,
    rotations: {
      full: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
      windowed: { rope_type: 'default', rope_theta: 10_000 },
    },
    windows: 'pattern',
    lastIsFull: true,
  },
  embeddingRoot: true,
  outputScale: true,
  norms: 'both',
  ffnParts: true,
  router: { ...plainRouter, normalise: 'always', storedScales: true },
  ffn: { shared: { unit: 'channels', gated: false }, dense: 'flag', clamp: null },
  tensors: names,
};

/** The same inside a model that also sees and hears, whose other tensors are carried over. */
export const gemma4: ArchitectureManifest = {
  ...gemma4Text,
  modelType: 'gemma4',
  title: 'Gemma 4',
  className: 'Gemma4ForConditionalGeneration',
  nested: 'text_config',
  tensors: within('model.language_model.', names),
};
