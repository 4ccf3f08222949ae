import { hasAttention, type Model } from '@moepress/core';
import type { CarriedType } from '@moepress/graph';
import { graphFolder, graphNames } from './onnx-types.js';

/**
 * genai_config.json, by which ONNX Runtime GenAI feeds the graph. It knows one shape of keys and values for all layers: null
 * where they differ, or where a layer keeps something else.
 */
export function genaiConfig(model: Model, type: CarriedType): Record<string, unknown> | null {
  const { config } = model;
  const shape = cacheShape(model);
  if (!shape) return null;
  return {
    model: {
      type: 'decoder',
      vocab_size: config.vocabSize,
      context_length: config.maxPositions,
      bos_token_id: config.bosTokenId ?? config.eosTokenIds[0] ?? 0,
      eos_token_id: config.eosTokenIds.length > 0 ? config.eosTokenIds : 0,
      pad_token_id: config.eosTokenIds[0] ?? 0,
      decoder: {
        filename: `${graphFolder}/${graphNames[type]}`,
        session_options: { log_id: 'onnxruntime-genai', provider_options: [] },
        hidden_size: config.hiddenSize,
        head_size: shape.dim,
        num_attention_heads: config.heads,
        num_key_value_heads: shape.heads,
        num_hidden_layers: config.layers,
        inputs: {
          input_ids: 'input_ids',
          attention_mask: 'attention_mask',
          position_ids: 'position_ids',
          past_key_names: 'past_key_values.%d.key',
          past_value_names: 'past_key_values.%d.value',
        },
        outputs: {
          logits: 'logits',
          present_key_names: 'present.%d.key',
          present_value_names: 'present.%d.value',
        },
      },
    },
    search: {
      do_sample: false,
      max_length: config.maxPositions,
      min_length: 0,
      num_beams: 1,
      num_return_sequences: 1,
      past_present_share_buffer: false,
      repetition_penalty: 1.0,
      temperature: 1.0,
      top_k: 1,
      top_p: 1.0,
    },
  };
}

/** Heads and dimensions of keys and values, if they are those of all layers; else null. Recurrences have none. */
function cacheShape({ blocks }: Model): { readonly heads: number; readonly dim: number } | null {
  const shapes = blocks.map((block) => {
    if (!hasAttention(block)) return null;
    // Keys of an indexer stand behind those of the heads.
    if (block.attention.kind === 'mla' && block.attention.indexer) return null;
    const { kvHeads, headDim, ...spec } = block.attention;
    const valueDim = spec.valueDim ?? headDim;
    return valueDim === headDim ? { heads: kvHeads, dim: headDim } : null;
  });
  const [first = null] = shapes;
  const agree = shapes.every((shape) => shape && shape.heads === first!.heads && shape.dim === first!.dim);
  return agree ? first : null;
}
