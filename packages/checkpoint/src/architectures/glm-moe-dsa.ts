import { biasedRouter, deepseekNames } from './common.js';
import { indexedFixed, indexedKeys } from './deepseek-v32.js';
import { decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** GLM-5: DeepSeek-V3.2's attention, whose indexers several layers may share (GLM-5.2), and no groups of experts. */
export const glmMoeDsa: ArchitectureManifest = {
  modelType: 'glm_moe_dsa',
  title: 'GLM-5',
  className: 'GlmMoeDsaForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 154_880,
      hidden_size: 6144,
      num_hidden_layers: 78,
      num_attention_heads: 64,
      max_position_embeddings: 202_752,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      bos_token_id: 0,
      eos_token_id: 1,
    }),
    ...indexedKeys,
    kvHeads: sized('num_key_value_heads', 64),
    queryLatent: sized('q_lora_rank', 2048),
    contentDim: sized('qk_nope_head_dim', 192),
    valueDim: sized('v_head_dim', 256),
    indexHeads: sized('index_n_heads', 32),
    indexerTypes: key('indexer_types', none, { null: none }),
    indexPattern: key('index_topk_pattern', none, { null: none }),
    indexEvery: sized('index_topk_freq', 1),
    indexOffset: sized('index_skip_topk_offset', 2),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    denseWidth: sized('intermediate_size', 12_288),
    furtherLayers: key('num_nextn_predict_layers', value(0), { null: value(0) }),
  },
  fixed: { ...indexedFixed, indexer_rope_interleave: [true] },
  attention: { kind: 'mla', rotation: 'whole', indexer: { pairing: 'neighbours' } },
  router: biasedRouter,
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'types', clamp: null },
  tensors: deepseekNames,
};
