import { optionalBias, plainAttention, plainRouter } from './common.js';
import { decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';
import { mixtral } from './mixtral.js';

/** Phi-3.5-MoE: Mixtral's layers with layer norms and biases, and a router that weighs its two experts one by one. */
export const phimoe: ArchitectureManifest = {
  modelType: 'phimoe',
  title: 'Phi-3.5-MoE',
  className: 'PhimoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 32_064,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 1_000_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    kvHeads: key('num_key_value_heads', value(8), { null: { as: 'heads' } }),
    headDim: key('head_dim', perHead),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    headBias: key('lm_head_bias', value(false)),
    slidingWindow: key('sliding_window', none, { null: none }),
    experts: sized('num_local_experts', 16),
    topK: sized('num_experts_per_tok', 2),
    expertWidth: sized('intermediate_size', 6400),
    mixerNoise: sized('router_jitter_noise', 0.01),
  },
  attention: { ...plainAttention, ...optionalBias, toldMscales: true, windows: 'every-layer' },
  layerNorm: 'biased',
  router: { ...plainRouter, mixer: true, normalise: 'never' },
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: {
    ...mixtral.tensors,
    // What transformers 5 calls the modules.
    alias: [
      ['.block_sparse_moe.gate.', '.mlp.router.'],
      ['.block_sparse_moe.', '.mlp.'],
    ],
  },
};
