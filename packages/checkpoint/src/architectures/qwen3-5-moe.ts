import { layer, llamaStyleNames, mlp, plainRouter, within } from './common.js';
import { decoderKeys, key, sized, value } from './keys.js';
import type { ArchitectureManifest, TensorNames } from './manifest.js';
import { gatedAttention, mixedAttentionKeys } from './qwen3-next.js';

const { fused } = llamaStyleNames.experts;
const names: TensorNames = {
  ...llamaStyleNames,
  experts: { separate: null, fused, ownWidth: mlp(`${layer}.mlp.experts.{expert}`) },
};

/** The text model of Qwen3.5 and Qwen3.6: Qwen3-Next with the inputs of its delta rule apart, and experts in one tensor. */
export const qwen35MoeText: ArchitectureManifest = {
  modelType: 'qwen3_5_moe_text',
  title: 'Qwen3.5 (MoE), text alone',
  className: 'Qwen3_5MoeForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 248_320,
      hidden_size: 2048,
      num_hidden_layers: 40,
      num_attention_heads: 16,
      max_position_embeddings: 32_768,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: null,
      eos_token_id: null,
    }),
    ...mixedAttentionKeys,
    activation: key('hidden_act', value('silu')),
    experts: sized('num_experts', 256),
    topK: sized('num_experts_per_tok', 8),
    expertWidth: sized('moe_intermediate_size', 512),
    shared: sized('shared_expert_intermediate_size', 512),
    furtherLayers: sized('mtp_num_hidden_layers', 0),
  },
  fixed: {
    attn_output_gate: [true],
    norm_topk_prob: [true],
    mlp_only_layers: [[]],
    decoder_sparse_step: [1],
  },
  attention: gatedAttention,
  recurrence: { kind: 'gated-delta-rule', input: 'separate' },
  normOffset: 1,
  router: { ...plainRouter, normalise: 'always' },
  ffn: { shared: { unit: 'channels', gated: true }, dense: 'none', clamp: null },
  tensors: names,
  predictionPrefixes: ['mtp.'],
  elsewhere: { denseSibling: 'qwen3_5_text', tokenizerClass: 'Qwen2Tokenizer' },
};

/** The same inside a model that also sees: its tensors have another prefix, and those of its eyes are carried over. */
export const qwen35Moe: ArchitectureManifest = {
  ...qwen35MoeText,
  modelType: 'qwen3_5_moe',
  title: 'Qwen3.5 (MoE)',
  className: 'Qwen3_5MoeForConditionalGeneration',
  elsewhere: { tokenizerClass: 'Qwen2Tokenizer', noCompactClass: true },
  nested: 'text_config',
  tensors: within('model.language_model.', names),
};
