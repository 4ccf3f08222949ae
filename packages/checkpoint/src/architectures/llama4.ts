import { layer, llamaStyleNames, mlp, optionalBias, plainAttention, plainRouter, within } from './common.js';
import { as, decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest, TensorNames } from './manifest.js';

const forward = `${layer}.feed_forward`;
const names: TensorNames = {
  ...llamaStyleNames,
  router: `${forward}.router`,
  experts: {
    separate: null,
    fused: {
      gateUp: `${forward}.experts.gate_up_proj`,
      down: `${forward}.experts.down_proj`,
      bias: null,
      layout: 'halves',
    },
    ownWidth: mlp(`${forward}.experts.{expert}`),
  },
  dense: mlp(forward),
  shared: mlp(`${forward}.shared_expert`),
};

/**
 * The text model of Llama 4: layers that rotate see their own chunk and norm queries and keys afterwards; the others see all
 * tokens, and their queries grow. Experts get their input weighted.
 */
export const llama4Text: ArchitectureManifest = {
  modelType: 'llama4_text',
  title: 'Llama 4, text alone',
  className: 'Llama4ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 202_048,
      hidden_size: 5120,
      num_hidden_layers: 48,
      num_attention_heads: 40,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 500_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    kvHeads: key('num_key_value_heads', value(8), { null: as('heads') }),
    headDim: key('head_dim', value(128), { null: perHead }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    usesQkNorm: key('use_qk_norm', value(true)),
    rotatedLayers: key('no_rope_layers', none, { null: none }),
    unrotatedEvery: sized('no_rope_layer_interval', 4),
    slidingWindow: key('attention_chunk_size', value(8192), { null: none }),
    scalesQueries: key('attn_temperature_tuning', value(true)),
    queryBeta: sized('attn_scale', 0.1),
    queryEvery: sized('floor_scale', 8192),
    experts: sized('num_local_experts', 16),
    topK: sized('num_experts_per_tok', 1),
    expertWidth: sized('intermediate_size', 8192),
    denseWidth: sized('intermediate_size_mlp', 16_384),
    moeLayers: key('moe_layers', none, { null: none }),
    moeEvery: sized('interleave_moe_layer_step', 1),
  },
  attention: {
    ...plainAttention,
    ...optionalBias,
    pairing: 'neighbours',
    qkNorm: 'weightless',
    normedAfterRotation: true,
    unrotated: 'listed',
    windows: 'chunks',
  },
  router: { ...plainRouter, scoring: 'sigmoid', normalise: 'never', weighs: 'input' },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'listed', clamp: null },
  tensors: names,
};

/** The same inside a model that also sees: its tensors have another prefix, and those of its eyes are carried over. */
export const llama4: ArchitectureManifest = {
  ...llama4Text,
  modelType: 'llama4',
  title: 'Llama 4',
  className: 'Llama4ForConditionalGeneration',
  nested: 'text_config',
  tensors: {
    ...within('language_model.model.', names),
    head: 'language_model.lm_head.weight',
  },
};
