import type { FfnTraits, GroupedQueryTraits, RouterTraits } from './manifest.js';

/** Grouped-query attention as Llama has it; a manifest says what its family adds. */
export const plainAttention: GroupedQueryTraits = {
  kind: 'gqa',
  qkvBias: null,
  outputBias: 'never',
  qkNorm: null,
  clipKey: null,
  window: 'never',
  sinks: false,
};

/** Biases on all four projections where `attention_bias` says so. */
export const optionalBias = {
  qkvBias: { key: 'attention_bias', default: false },
  outputBias: 'as-qkv',
} as const satisfies Partial<GroupedQueryTraits>;

/** Softmax over all slots, of which the highest are chosen; `norm_topk_prob` says whether they are normalised. */
export const plainRouter: RouterTraits = {
  scoring: 'softmax',
  methods: { greedy: null },
  normalise: { default: false, unscaled: false },
  scale: null,
  bias: false,
  selectionBias: false,
};

/** A dense SwiGLU in every layer. */
export const denseFfn: FfnTraits = { shared: null, dense: 'all', clamp: null };
