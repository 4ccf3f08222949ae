import { denseFfn, llamaStyleNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Qwen3: query and key norms over each head. */
export const qwen3: ArchitectureManifest = {
  modelType: 'qwen3',
  title: 'Qwen3',
  className: 'Qwen3ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 151_936,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 32_768,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    kvHeads: key('num_key_value_heads', value(32), { null: as('heads') }),
    headDim: sized('head_dim', 128),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    usesWindow: key('use_sliding_window', value(false)),
    slidingWindow: key('sliding_window', value(4096), { null: none }),
    windowLayers: sized('max_window_layers', 28),
    denseWidth: sized('intermediate_size', 22016),
  },
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'head', windows: 'from-layer' },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
  elsewhere: { tokenizerClass: 'Qwen2Tokenizer' },
};
