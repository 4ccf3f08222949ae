import { layer, mlp, plainRouter } from './common.js';
import { hunyuanFixed, hunyuanKeys, hunyuanV1Dense } from './hunyuan-v1-dense.js';
import { key, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Hunyuan-A13B: a shared MLP as wide as an expert in every layer. */
export const hunyuanV1Moe: ArchitectureManifest = {
  modelType: 'hunyuan_v1_moe',
  title: 'Hunyuan-A13B',
  className: 'HunYuanMoEV1ForCausalLM',
  keys: {
    ...hunyuanKeys,
    experts: { ...key(['num_experts', 'num_local_experts'], value(1)), perLayer: true },
    topK: { ...key(['moe_topk', 'num_experts_per_tok'], value(1)), perLayer: true },
    expertWidth: sized('intermediate_size', 11_008),
  },
  fixed: {
    ...hunyuanFixed,
    norm_topk_prob: [true],
    routed_scaling_factor: [1],
    use_mixed_mlp_moe: [true],
    moe_layer_num_skipped: [0],
    group_limited_greedy: [false],
  },
  attention: hunyuanV1Dense.attention,
  router: { ...plainRouter, normalise: 'always' },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'none', clamp: null },
  tensors: {
    ...hunyuanV1Dense.tensors,
    router: `${layer}.mlp.gate.wg`,
    shared: mlp(`${layer}.mlp.shared_mlp`),
  },
  elsewhere: { denseSibling: 'hunyuan_v1_dense' },
};
