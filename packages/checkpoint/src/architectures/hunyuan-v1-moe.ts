import { layer, mlp, plainRouter } from './common.js';
import { hunyuanAttention, hunyuanV1Dense } from './hunyuan-v1-dense.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Hunyuan-A13B: a shared MLP as wide as an expert in every layer. */
export const hunyuanV1Moe: ArchitectureManifest = {
  modelType: 'hunyuan_v1_moe',
  title: 'Hunyuan-A13B',
  className: 'HunYuanMoEV1ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 290_943,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    headDim: key('head_dim', perHead, { null: perHead }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    experts: { ...key(['num_experts', 'num_local_experts'], value(1)), perLayer: true },
    topK: { ...key(['moe_topk', 'num_experts_per_tok'], value(1)), perLayer: true },
    expertWidth: sized('intermediate_size', 11_008),
  },
  fixed: {
    use_qk_norm: [true],
    use_cla: [false],
    use_mla: [false],
    mlp_bias: [false],
    norm_topk_prob: [true],
    routed_scaling_factor: [1],
    use_mixed_mlp_moe: [true],
    moe_layer_num_skipped: [0],
    group_limited_greedy: [false],
  },
  attention: hunyuanAttention,
  router: { ...plainRouter, normalise: 'always' },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'none', clamp: null },
  tensors: {
    ...hunyuanV1Dense.tensors,
    router: `${layer}.mlp.gate.wg`,
    shared: mlp(`${layer}.mlp.shared_mlp`),
  },
  elsewhere: { denseSibling: 'hunyuan_v1_dense' },
};
