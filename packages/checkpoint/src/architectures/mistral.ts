import { denseFfn, llamaStyleNames, plainAttention } from './common.js';
import { decoderKeys, key, none, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Mistral: Llama with a window over all layers in its first version. */
export const mistral: ArchitectureManifest = {
  modelType: 'mistral',
  title: 'Mistral',
  className: 'MistralForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 32000,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    kvHeads: sized('num_key_value_heads', 8),
    headDim: key('head_dim', perHead, { null: perHead }),
    activation: key('hidden_act', value('silu')),
    slidingWindow: key('sliding_window', value(4096), { null: none }),
    denseWidth: sized('intermediate_size', 14336),
  },
  attention: { ...plainAttention, windows: 'every-layer' },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
  elsewhere: { tokenizerClass: 'TokenizersBackend' },
};
