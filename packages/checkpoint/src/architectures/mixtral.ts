import { layer, llamaStyleNames, plainAttention, plainRouter } from './common.js';
import { decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Mixtral: every layer is MoE, the chosen weights always sum to one; projections are w1, w3 and w2. */
export const mixtral: ArchitectureManifest = {
  modelType: 'mixtral',
  title: 'Mixtral',
  className: 'MixtralForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 32000,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 1_000_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    kvHeads: sized('num_key_value_heads', 8),
    headDim: key('head_dim', perHead, { null: perHead }),
    activation: key('hidden_act', value('silu')),
    slidingWindow: key('sliding_window', none, { null: none }),
    experts: key(['num_local_experts', 'num_experts'], value(8)),
    topK: sized('num_experts_per_tok', 2),
    expertWidth: sized('intermediate_size', 14336),
  },
  attention: { ...plainAttention, windows: 'every-layer' },
  router: { ...plainRouter, normalise: 'always' },
  ffn: { shared: null, dense: 'none', clamp: null },
  tensors: {
    ...llamaStyleNames,
    router: `${layer}.block_sparse_moe.gate`,
    experts: {
      separate: {
        gate: `${layer}.block_sparse_moe.experts.{expert}.w1.weight`,
        up: `${layer}.block_sparse_moe.experts.{expert}.w3.weight`,
        down: `${layer}.block_sparse_moe.experts.{expert}.w2.weight`,
      },
      fused: {
        ...llamaStyleNames.experts.fused,
        gateUp: `${layer}.block_sparse_moe.experts.gate_up_proj`,
        down: `${layer}.block_sparse_moe.experts.down_proj`,
      },
    },
    // What transformers 5 calls the module.
    alias: [['.block_sparse_moe.', '.mlp.']],
  },
  elsewhere: { denseSibling: 'mistral', tokenizerClass: 'TokenizersBackend' },
};
