import { denseFfn, llamaStyleNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest, GroupedQueryTraits } from './manifest.js';

/** What Command A and its siblings with experts read alike. */
export const cohere2Keys = {
  ...decoderKeys({
    vocab_size: 256_000,
    hidden_size: 8192,
    num_hidden_layers: 40,
    num_attention_heads: 64,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    bos_token_id: 5,
    eos_token_id: 255_001,
  }),
  tied: key('tie_word_embeddings', value(true)),
  epsilon: sized('layer_norm_eps', 1e-5),
  kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
  activation: key('hidden_act', value('silu')),
  attentionBias: key('attention_bias', value(false)),
  logitScale: sized('logit_scale', 0.0625),
  slidingWindow: key('sliding_window', value(4096), { null: none }),
  windowPattern: sized('sliding_window_pattern', 4),
} as const;

export const cohere2Attention: GroupedQueryTraits = {
  ...plainAttention,
  ...optionalBias,
  pairing: 'neighbours',
  unrotated: 'full',
  windows: 'pattern',
};

/** Command A and R7B: attention and FFN take the same and are added at once; layers with a window rotate. */
export const cohere2: ArchitectureManifest = {
  modelType: 'cohere2',
  title: 'Command A',
  className: 'Cohere2ForCausalLM',
  keys: {
    ...cohere2Keys,
    headDim: key('head_dim', perHead),
    denseWidth: sized('intermediate_size', 22_528),
  },
  fixed: { use_qk_norm: [false], use_parallel_block: [true] },
  attention: cohere2Attention,
  layerNorm: 'unbiased',
  norms: 'parallel',
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
};
