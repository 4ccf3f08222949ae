import type { Router, RouterGroups } from '@moepress/core';

/**
 * What tells one family of checkpoints from another, as data. A family whose mathematics is already
 * known needs a manifest and nothing else: the names below serve reading and writing alike.
 */
export interface ArchitectureManifest {
  /** `model_type` of config.json. */
  readonly modelType: string;
  readonly title: string;
  /** The class that runs it, as config.json lists it under `architectures`. */
  readonly className: string;
  /** Null in a dense family. */
  readonly keys: ConfigKeys | null;
  readonly attention: AttentionTraits;
  /** Null in a dense family. */
  readonly router: RouterTraits | null;
  readonly ffn: FfnTraits;
  readonly tensors: TensorNames;
}

/** The keys of config.json that tell of experts, whose names differ between families. */
export interface ConfigKeys {
  /** Number of routed experts, or of router slots in a compact checkpoint. */
  readonly experts: string;
  readonly topK: string;
  /** Intermediate size of a routed expert. */
  readonly expertWidth: string;
}

export type AttentionTraits = GroupedQueryTraits | LatentTraits;

export interface GroupedQueryTraits {
  readonly kind: 'gqa';
  /** Whether queries, keys and values have a bias: the key that says so, and what its absence means; null: never. */
  readonly qkvBias: { readonly key: string; readonly default: boolean } | 'always' | null;
  /** Whether the output projection follows `qkvBias` or never has a bias. */
  readonly outputBias: 'as-qkv' | 'never';
  /** What the RMS norm of queries and keys runs over, if there is one. */
  readonly qkNorm: 'head' | 'projection' | null;
  /** The key of the bound to which queries, keys and values are clipped. */
  readonly clipKey: string | null;
  /**
   * Which layers see only the last `sliding_window` tokens: none; all, where the key is set; or those
   * that `layer_types` names, by default every other one from the first.
   */
  readonly window: 'never' | 'every-layer' | 'layer-types';
  /** Whether each head has a sink beside the tokens' logits. */
  readonly sinks: boolean;
}

/** Multi-head latent attention; its sizes have the same keys in all families. */
export interface LatentTraits {
  readonly kind: 'mla';
  /** The key that, if false, has halves of the rotated dimensions turn together instead of neighbours. */
  readonly interleaveKey: string | null;
}

export interface RouterTraits {
  /** What `scoring_func` must be where it is given. */
  readonly scoring: Router['scoring'];
  /** Values of `topk_method` and how each values a group of experts, null without groups. Absent means the first. */
  readonly methods: Readonly<Record<string, RouterGroups['by'] | null>>;
  /**
   * When the chosen weights are divided by their sum: always, or as `norm_topk_prob` says; and whether
   * they are then left unscaled, as DeepSeek-V2's own code does.
   */
  readonly normalise: 'always' | { readonly default: boolean; readonly unscaled: boolean };
  /** The key of the factor of the chosen weights, and what its absence means. */
  readonly scale: { readonly key: string; readonly default: number } | null;
  /** Whether the logits have a bias, under the router's stem. */
  readonly bias: boolean;
  /** Whether scores have a bias for the selection only. */
  readonly selectionBias: boolean;
}

export interface FfnTraits {
  /**
   * The shared expert: the key of its size, in channels or in experts of the routed width; and whether
   * its output passes a sigmoid gate.
   */
  readonly shared: {
    readonly key: string;
    readonly unit: 'channels' | 'experts';
    readonly gated: boolean;
  } | null;
  /**
   * Which layers are dense, of width `intermediate_size`. `all`: those of a dense family. `mlp-only-layers`: those listed there, and
   * those with (layer + 1) % decoder_sparse_step != 0. `prefix`: the first `first_k_dense_replace`,
   * and those with layer % moe_layer_freq != 0.
   */
  readonly dense: 'none' | 'all' | 'mlp-only-layers' | 'prefix';
  /** SwiGLU, or with both factors clamped: the key of the limit, and what its absence means. */
  readonly clamp: {
    readonly alpha: number;
    readonly limit: { readonly key: string; readonly default: number };
  } | null;
}

/**
 * Templates with `{layer}` and `{expert}`. Of a linear layer the stem, before `.weight` and `.bias`.
 * Names of what a family lacks are not used.
 */
export interface TensorNames {
  readonly embed: string;
  readonly finalNorm: string;
  readonly head: string;
  readonly attentionNorm: string;
  readonly ffnNorm: string;
  /** Also the queries of latent attention where they have no latent. Stem. */
  readonly query: string;
  /** Stem. */
  readonly key: string;
  /** Stem. */
  readonly value: string;
  /** Stem. */
  readonly output: string;
  readonly queryNorm: string;
  readonly keyNorm: string;
  readonly sinks: string;
  /** Latent attention. */
  readonly latent: LatentNames;
  /** Stem. */
  readonly router: string;
  readonly selectionBias: string;
  readonly experts: ExpertNames;
  readonly dense: MlpNames;
  readonly shared: MlpNames;
  readonly sharedGate: string;
  /** A tensor that is absent is looked for under its name with the first text replaced by the second. */
  readonly alias: readonly [from: string, to: string] | null;
}

/** Stems, but for the norms. */
export interface LatentNames {
  readonly queryDown: string;
  readonly queryDownNorm: string;
  readonly queryUp: string;
  readonly keyValueDown: string;
  readonly keyValueDownNorm: string;
  readonly keyValueUp: string;
}

export interface MlpNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** How the routed experts of a layer are stored. */
export interface ExpertNames {
  /** A tensor for each projection of each expert. Null in a family that has only the other form. */
  readonly separate: MlpNames | null;
  /** A tensor for each projection of all experts: read where the separate ones are absent. */
  readonly fused: FusedNames;
}

/**
 * Tensors whose first axis counts the experts of the layer. Their biases, if any, are [experts, 2I] in
 * the order of `gateUp`, and [experts, H].
 * `stacked`: `gateUp` [experts, 2I, H], the gate's rows before those of up, and `down` [experts, H, I].
 * `interleaved` (gpt-oss): `gateUp` [experts, H, 2I], the gate in even and up in odd columns, and `down`
 * [experts, I, H]. In MXFP4 these are stored transposed, as `<name>_blocks` [experts, 2I, H / 32, 16]
 * and [experts, H, I / 32, 16], and `<name>_scales` without the last axis.
 */
export interface FusedNames {
  readonly gateUp: string;
  readonly down: string;
  readonly bias: { readonly gateUp: string; readonly down: string } | null;
  readonly layout: 'stacked' | 'interleaved';
}

/** Fills a template. */
export function tensorName(template: string, at: { readonly layer?: number; readonly expert?: number }) {
  return template.replace('{layer}', String(at.layer)).replace('{expert}', String(at.expert));
}
