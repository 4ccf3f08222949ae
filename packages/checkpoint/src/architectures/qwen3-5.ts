import { denseFfn, llamaStyleNames, within } from './common.js';
import { decoderKeys, key, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';
import { gatedAttention, mixedAttentionKeys } from './qwen3-next.js';

/** The text model of Qwen3.5 without experts: the layers of the one with experts, and a dense FFN in each. */
export const qwen35Text: ArchitectureManifest = {
  modelType: 'qwen3_5_text',
  title: 'Qwen3.5, text alone',
  className: 'Qwen3_5ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 248_320,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 16,
      max_position_embeddings: 32_768,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    ...mixedAttentionKeys,
    kvHeads: sized('num_key_value_heads', 4),
    activation: key('hidden_act', value('silu')),
    denseWidth: sized('intermediate_size', 12_288),
    furtherLayers: sized('mtp_num_hidden_layers', 0),
  },
  fixed: { attn_output_gate: [true] },
  attention: gatedAttention,
  recurrence: { kind: 'gated-delta-rule', input: 'separate' },
  normOffset: 1,
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
  predictionPrefixes: ['mtp.'],
  elsewhere: { tokenizerClass: 'Qwen2Tokenizer' },
};

/** The same inside a model that also sees. */
export const qwen35: ArchitectureManifest = {
  ...qwen35Text,
  modelType: 'qwen3_5',
  title: 'Qwen3.5',
  className: 'Qwen3_5ForConditionalGeneration',
  elsewhere: { tokenizerClass: 'Qwen2Tokenizer', noCompactClass: true },
  nested: 'text_config',
  tensors: within('model.language_model.', llamaStyleNames),
};
