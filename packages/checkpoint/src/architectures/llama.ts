import { denseFfn, llamaStyleNames, optionalBias, plainAttention } from './common.js';
import { as, decoderKeys, key, perHead, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** Llama 2 and 3, and what calls itself so: nothing special anywhere. */
export const llama: ArchitectureManifest = {
  modelType: 'llama',
  title: 'Llama',
  className: 'LlamaForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 32000,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    kvHeads: key('num_key_value_heads', as('heads'), { null: as('heads') }),
    headDim: key('head_dim', perHead, { null: perHead }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    mlpBias: key('mlp_bias', value(false)),
    denseWidth: sized('intermediate_size', 11008),
  },
  attention: { ...plainAttention, ...optionalBias },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
};
