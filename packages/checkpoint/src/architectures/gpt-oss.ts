import type { ArchitectureManifest } from './manifest.js';
import { layer, llamaStyleNames } from './names.js';
import { plainAttention, plainRouter } from './traits.js';

/** gpt-oss: biases everywhere, sinks, every other layer with a window, a clamped gate, fused experts. */
export const gptOss: ArchitectureManifest = {
  modelType: 'gpt_oss',
  title: 'gpt-oss',
  className: 'GptOssForCausalLM',
  keys: { experts: 'num_local_experts', topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  attention: {
    ...plainAttention,
    qkvBias: { key: 'attention_bias', default: true },
    outputBias: 'as-qkv',
    window: 'layer-types',
    sinks: true,
  },
  // A softmax over the chosen logits is that over all of them, divided by the sum of the chosen.
  router: { ...plainRouter, normalise: 'always', bias: true },
  ffn: {
    shared: null,
    dense: 'none',
    clamp: { alpha: 1.702, limit: { key: 'swiglu_limit', default: 7 } },
  },
  tensors: {
    ...llamaStyleNames,
    router: `${layer}.mlp.router`,
    experts: {
      separate: null,
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
};
