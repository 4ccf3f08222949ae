import type { FfnTraits, GroupedQueryTraits, RouterTraits } from './manifest.js';

/** Grouped-query attention as Llama has it; a manifest says what its family adds. */
export const plainAttention: GroupedQueryTraits = {
  kind: 'gqa',
  qkvBias: 'never',
  outputBias: 'never',
  qkNorm: null,
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
