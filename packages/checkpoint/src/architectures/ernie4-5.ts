import { denseFfn, llamaStyleNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** ERNIE 4.5: neighbouring dimensions of a head are rotated together. */
export const ernie45: ArchitectureManifest = {
  modelType: 'ernie4_5',
  title: 'ERNIE 4.5',
  className: 'Ernie4_5ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 103_424,
      hidden_size: 1024,
      num_hidden_layers: 18,
      num_attention_heads: 16,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 500_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    tied: key('tie_word_embeddings', value(true)),
    kvHeads: key('num_key_value_heads', value(2), { null: as('heads') }),
    headDim: sized('head_dim', 128),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('use_bias', value(false), { null: value(false) }),
    mlpBias: key('use_bias', value(false), { null: value(false) }),
    denseWidth: sized('intermediate_size', 3072),
  },
  fixed: { use_rmsnorm: [true] },
  attention: { ...plainAttention, ...optionalBias, pairing: 'neighbours' },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
  elsewhere: { tokenizerClass: 'TokenizersBackend', ignoresNamedTokenizer: true },
};
