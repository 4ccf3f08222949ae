import type {
  FfnTraits,
  GroupedQueryTraits,
  MlpNames,
  RouterTraits,
  StateSpaceNames,
  TensorNames,
} from './manifest.js';

/** The prefix of a decoder layer's tensors. */
export const layer = 'model.layers.{layer}';

/** Projections with the names that most families use. */
export const mlp = (stem: string): MlpNames => ({
  gate: `${stem}.gate_proj.weight`,
  up: `${stem}.up_proj.weight`,
  down: `${stem}.down_proj.weight`,
});

/** Mamba-2 as its authors named its tensors, under the given stem. */
export function stateSpaceNames(stem: string): StateSpaceNames {
  return {
    input: `${stem}.in_proj`,
    convolution: `${stem}.conv1d`,
    stepBias: `${stem}.dt_bias`,
    decay: `${stem}.A_log`,
    skip: `${stem}.D`,
    norm: `${stem}.norm.weight`,
    output: `${stem}.out_proj`,
  };
}

/** The names that Llama began and most families kept, with those of DeepSeek's latent attention, Qwen's delta rule and LFM2's convolution, and Mamba-2. */
export const llamaStyleNames: TensorNames = {
  embed: 'model.embed_tokens.weight',
  finalNorm: 'model.norm.weight',
  head: 'lm_head.weight',
  attentionNorm: `${layer}.input_layernorm.weight`,
  ffnNorm: `${layer}.post_attention_layernorm.weight`,
  attentionNormAfter: `${layer}.post_attention_layernorm.weight`,
  ffnNormAfter: `${layer}.post_feedforward_layernorm.weight`,
  partNorms: {
    before: `${layer}.pre_feedforward_layernorm_2.weight`,
    after: `${layer}.post_feedforward_layernorm_2.weight`,
    sharedAfter: `${layer}.post_feedforward_layernorm_1.weight`,
  },
  outputScale: `${layer}.layer_scalar`,
  query: `${layer}.self_attn.q_proj`,
  key: `${layer}.self_attn.k_proj`,
  value: `${layer}.self_attn.v_proj`,
  output: `${layer}.self_attn.o_proj`,
  gate: `${layer}.self_attn.gate_proj`,
  queryNorm: `${layer}.self_attn.q_norm.weight`,
  keyNorm: `${layer}.self_attn.k_norm.weight`,
  sinks: `${layer}.self_attn.sinks`,
  latent: {
    queryDown: `${layer}.self_attn.q_a_proj`,
    queryDownNorm: `${layer}.self_attn.q_a_layernorm.weight`,
    queryUp: `${layer}.self_attn.q_b_proj`,
    keyValueDown: `${layer}.self_attn.kv_a_proj_with_mqa`,
    keyValueDownNorm: `${layer}.self_attn.kv_a_layernorm.weight`,
    keyValueUp: `${layer}.self_attn.kv_b_proj`,
  },
  indexer: {
    query: `${layer}.self_attn.indexer.wq_b`,
    key: `${layer}.self_attn.indexer.wk`,
    keyNorm: `${layer}.self_attn.indexer.k_norm`,
    weights: `${layer}.self_attn.indexer.weights_proj`,
  },
  deltaRule: {
    qkv: `${layer}.linear_attn.in_proj_qkv`,
    z: `${layer}.linear_attn.in_proj_z`,
    b: `${layer}.linear_attn.in_proj_b`,
    a: `${layer}.linear_attn.in_proj_a`,
    qkvz: `${layer}.linear_attn.in_proj_qkvz`,
    ba: `${layer}.linear_attn.in_proj_ba`,
    convolution: `${layer}.linear_attn.conv1d.weight`,
    decay: `${layer}.linear_attn.A_log`,
    decayBias: `${layer}.linear_attn.dt_bias`,
    norm: `${layer}.linear_attn.norm.weight`,
    output: `${layer}.linear_attn.out_proj`,
  },
  channelwise: {
    qConvolution: `${layer}.self_attn.q_conv1d.weight`,
    kConvolution: `${layer}.self_attn.k_conv1d.weight`,
    vConvolution: `${layer}.self_attn.v_conv1d.weight`,
    b: `${layer}.self_attn.b_proj`,
    zDown: `${layer}.self_attn.g_a_proj`,
    zUp: `${layer}.self_attn.g_b_proj`,
    aDown: `${layer}.self_attn.f_a_proj`,
    aUp: `${layer}.self_attn.f_b_proj`,
    decay: `${layer}.self_attn.A_log`,
    decayBias: `${layer}.self_attn.dt_bias`,
    norm: `${layer}.self_attn.o_norm.weight`,
  },
  shortConvolution: {
    input: `${layer}.conv.in_proj`,
    convolution: `${layer}.conv.conv`,
    output: `${layer}.conv.out_proj`,
  },
  stateSpace: stateSpaceNames(`${layer}.mamba`),
  router: `${layer}.mlp.gate`,
  selectionBias: `${layer}.mlp.gate.e_score_correction_bias`,
  routerInputScale: `${layer}.router.scale`,
  slotScales: `${layer}.router.per_expert_scale`,
  experts: {
    separate: mlp(`${layer}.mlp.experts.{expert}`),
    fused: {
      gateUp: `${layer}.mlp.experts.gate_up_proj`,
      down: `${layer}.mlp.experts.down_proj`,
      bias: null,
      layout: 'stacked',
    },
  },
  dense: mlp(`${layer}.mlp`),
  shared: mlp(`${layer}.mlp.shared_expert`),
  sharedGate: `${layer}.mlp.shared_expert_gate.weight`,
  alias: [],
};

/** DeepSeek-V3's selection: sigmoid scores, a bias that steers the selection and nothing else, groups by their two best. */
export const biasedRouter: RouterTraits = {
  scoring: 'sigmoid',
  methods: { noaux_tc: 'top-2-sum' },
  normalise: 'by-config',
  beyondGroups: 'unknown',
  bias: false,
  selectionBias: true,
};

/** The same with DeepSeek's name of the shared experts, which are one MLP. */
export const deepseekNames: TensorNames = {
  ...llamaStyleNames,
  shared: mlp(`${layer}.mlp.shared_experts`),
};

/** Grouped-query attention as Llama has it; a manifest says what its family adds. */
export const plainAttention: GroupedQueryTraits = {
  kind: 'gqa',
  qkvBias: 'never',
  outputBias: 'never',
  qkNorm: null,
  rotation: 'whole',
  windows: 'never',
  sinks: false,
};

/** Biases on all four projections where `attention_bias` says so. */
export const optionalBias = {
  qkvBias: 'by-config',
  outputBias: 'as-qkv',
} as const satisfies Partial<GroupedQueryTraits>;

/** Softmax over all slots, of which the highest are chosen; `norm_topk_prob` says whether they are normalised. */
export const plainRouter: RouterTraits = {
  scoring: 'softmax',
  methods: { greedy: null },
  normalise: 'by-config',
  beyondGroups: 'unknown',
  bias: false,
  selectionBias: false,
};

/** A dense gated MLP in every layer. */
export const denseFfn: FfnTraits = { shared: null, dense: 'all', clamp: null };

/** Names of a text model inside a wrapper, whose head stays outside. */
export function within(prefix: string, names: TensorNames): TensorNames {
  const inner = (name: unknown): unknown => {
    if (typeof name === 'string') return name.replace(/^model\./, prefix);
    if (typeof name !== 'object' || name === null || Array.isArray(name)) return name;
    return Object.fromEntries(Object.entries(name).map(([part, own]) => [part, inner(own)]));
  };
  return inner(names) as TensorNames;
}
