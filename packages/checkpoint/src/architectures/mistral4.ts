import { deepseekNames, layer, mlp, within } from './common.js';
import { as, decoderKeys, key, none, sized, value } from './keys.js';
import type { ArchitectureManifest, TensorNames } from './manifest.js';

const { fused } = deepseekNames.experts;

const names: TensorNames = {
  ...deepseekNames,
  experts: { separate: null, fused, ownWidth: mlp(`${layer}.mlp.experts.{expert}`) },
};

/** Mistral Small 4, the text model: DeepSeek-V3's attention whose queries grow with their position; softmax scores. */
export const mistral4: ArchitectureManifest = {
  modelType: 'mistral4',
  title: 'Mistral 4',
  className: 'Mistral4ForCausalLM',
  keys: {
    ...decoderKeys({
      vocab_size: 131_072,
      hidden_size: 4096,
      num_hidden_layers: 36,
      num_attention_heads: 32,
      max_position_embeddings: 1_048_576,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      bos_token_id: 1,
      eos_token_id: 2,
    }),
    ropeParameters: key('rope_parameters', value(publishedRotation()), { null: value(publishedRotation()) }),
    kvHeads: key('num_key_value_heads', value(32), { null: as('heads') }),
    activation: key('hidden_act', value('silu')),
    attentionBias: key('attention_bias', value(false)),
    queryLatent: key('q_lora_rank', value(1024), { null: none }),
    latent: sized('kv_lora_rank', 256),
    contentDim: sized('qk_nope_head_dim', 64),
    rotatedDim: sized('qk_rope_head_dim', 64),
    valueDim: sized('v_head_dim', 128),
    interleaved: key('rope_interleave', value(true), { null: value(false) }),
    experts: key(['n_routed_experts', 'num_local_experts'], value(128)),
    topK: sized('num_experts_per_tok', 4),
    expertWidth: sized('moe_intermediate_size', 2048),
    normalises: key('norm_topk_prob', value(true), { null: value(false) }),
    scale: sized('routed_scaling_factor', 1),
    groups: sized('n_group', 1),
    selectedGroups: sized('topk_group', 1),
    shared: sized('n_shared_experts', 1),
    denseWidth: sized('intermediate_size', 12_288),
    firstDense: sized('first_k_dense_replace', 0),
  },
  // With the classic form of the rotation transformers cannot run it.
  fixed: { rope_scaling: [null], sliding_window: [null], scoring_func: ['softmax'], moe_layer_freq: [1] },
  attention: { kind: 'mla', rotation: 'share', scalesQueries: true },
  router: {
    scoring: 'softmax',
    methods: { group_limited_greedy: 'top-2-sum' },
    normalise: 'by-config',
    beyondGroups: 'unknown',
    bias: false,
    selectionBias: false,
  },
  ffn: { shared: { unit: 'experts', gated: false }, dense: 'prefix', clamp: null },
  tensors: names,
};

/** The same inside a model that also sees, whose wrapper other text models have too. */
export const mistral3: ArchitectureManifest = {
  ...mistral4,
  modelType: 'mistral3',
  title: 'Mistral Small 4',
  className: 'Mistral3ForConditionalGeneration',
  keys: { ...mistral4.keys, tied: key('tie_word_embeddings', value(true)) },
  elsewhere: { noCompactClass: true },
  nested: 'text_config',
  nestedType: 'mistral4',
  tensors: {
    ...within('language_model.model.', names),
    head: 'language_model.lm_head.weight',
    // What transformers 5 calls the modules.
    alias: [
      ['language_model.model.', 'model.language_model.'],
      ['language_model.lm_head.', 'lm_head.'],
    ],
  },
};

/** The rotation where none is given. */
function publishedRotation() {
  return {
    rope_type: 'yarn',
    rope_theta: 10_000,
    factor: 128,
    original_max_position_embeddings: 8192,
    beta_fast: 32,
    beta_slow: 1,
    mscale_all_dim: 1,
    mscale: 1,
    llama_4_scaling_beta: 0.1,
  };
}
