import { layer, llamaStyleNames, mlp, plainAttention, plainRouter } from './common.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

const publishedRotation = {
  rope_type: 'yarn',
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4096,
};

/** gpt-oss: biases everywhere, sinks, every other layer with a window, a clamped gate, fused experts. */
export const gptOss: ArchitectureManifest = {
  modelType: 'gpt_oss',
  title: 'gpt-oss',
  className: 'GptOssForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 201_088,
      hidden_size: 2880,
      num_hidden_layers: 36,
      num_attention_heads: 64,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 150_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    // The rotation of the published models, in the place of a plain one.
    ropeParameters: key('rope_parameters', value(publishedRotation), { null: value(publishedRotation) }),
    kvHeads: sized('num_key_value_heads', 8),
    headDim: sized('head_dim', 64),
    attentionBias: key('attention_bias', value(true)),
    slidingWindow: key('sliding_window', value(128), { null: none }),
    experts: key(['num_local_experts', 'num_experts'], value(128)),
    topK: sized('num_experts_per_tok', 4),
    expertWidth: sized('intermediate_size', 2880),
    gateLimit: key('swiglu_limit', value(7), { null: value(7) }),
  },
  attention: {
    ...plainAttention,
    qkvBias: 'by-config',
    outputBias: 'as-qkv',
    windows: 'alternating',
    sinks: true,
  },
  // A softmax over the chosen logits is that over all of them, divided by the sum of the chosen.
  router: { ...plainRouter, normalise: 'always', bias: true },
  // transformers has 7 whatever `swiglu_limit` says.
  ffn: { shared: null, dense: 'none', clamp: { alpha: 1.702, limit: 7 } },
  tensors: {
    ...llamaStyleNames,
    router: `${layer}.mlp.router`,
    experts: {
      separate: null,
      ownWidth: mlp(`${layer}.mlp.experts.{expert}`),
      fused: {
        gateUp: `${layer}.mlp.experts.gate_up_proj`,
        down: `${layer}.mlp.experts.down_proj`,
        bias: {
          gateUp: `${layer}.mlp.experts.gate_up_proj_bias`,
          down: `${layer}.mlp.experts.down_proj_bias`,
        },
        layout: 'interleaved',
      },
    },
  },
  elsewhere: { flatFormat: { version: 2, activation: 'swigluoai', bias: true } },
};
