import type { DeltaRuleInput, Rope, Router, RouterGroups } from '@moepress/core';
import type { ConfigValue, FamilyKeys, Quantity } from './keys.js';
import type { TensorNames } from './tensor-names.js';

export * from './tensor-names.js';

/**
 * The differences between families of checkpoints, as data. A family whose mathematics is already
 * known needs a manifest and nothing else: the names below serve reading and writing alike.
 */
export interface ArchitectureManifest {
  /** `model_type` of config.json. */
  readonly modelType: string;
  readonly title: string;
  /** The class that runs it, as config.json lists it under `architectures`. */
  readonly className: string;
  /** Every key of config.json that is read. */
  readonly keys: FamilyKeys;
  /**
   * Keys that are not read, and the values they may have: what the family computes here. Most of them transformers does
   * not look at either. Other values are refused, since their author meant something else.
   */
  readonly fixed?: Readonly<Record<string, readonly [ConfigValue, ...ConfigValue[]]>>;
  /** Keys that are not read and must say what another one does. */
  readonly echoes?: Readonly<Record<string, Quantity>>;
  /**
   * The key under which a model for several media keeps the configuration of its text model, which alone is read; its other
   * tensors are carried over. Absent: config.json is that of the text model.
   */
  readonly nested?: string;
  /** `model_type` that the nested configuration must have, where the wrapper is made around other families too. */
  readonly nestedType?: string;
  readonly attention: AttentionTraits;
  /** What the layers have in place of attention that are not given it: see `readRecurrence`. */
  readonly recurrence?: RecurrenceTraits;
  /** What is added to the weights of norms; 0 by default. See `DecoderConfig`. */
  readonly normOffset?: 0 | 1;
  /**
   * Norms of hidden states are layer norms: with biases, or without (`unbiased`); of families whose `keys` have `rmsEpsilon`
   * only where config.json gives it none. Default: they are RMS norms.
   */
  readonly layerNorm?: 'biased' | 'unbiased';
  /** Embedded tokens are multiplied by the root of the hidden size; where `keys` has `scalesEmbedding`, if that says so. */
  readonly embeddingRoot?: true;
  /** What comes out of each layer is multiplied by a stored number. */
  readonly outputScale?: true;
  /** Null in a dense family. */
  readonly router: RouterTraits | null;
  readonly ffn: FfnTraits;
  /**
   * Where norms stand. `before` attention and FFN, which is the default; `after` them; on both sides; or one before both, which
   * take the same (`parallel`).
   */
  readonly norms?: 'before' | 'after' | 'both' | 'parallel';
  /** In layers with experts, these and the shared one have norms of their own on both sides (Gemma 4). */
  readonly ffnParts?: true;
  readonly tensors: TensorNames;
  /**
   * Prefixes of the tensors of multi-token prediction layers, in addition to those of layers after the last one. These
   * layers are not run.
   */
  readonly predictionPrefixes?: readonly string[];
  /** Support for the family in transformers and vLLM. */
  readonly elsewhere?: FamilyElsewhere;
}

/** How other programs treat a family. Absent: as they treat most. */
export interface FamilyElsewhere {
  /** `model_type` of the dense family with the same attention and norms, which a model without experts is written as. */
  readonly denseSibling?: string;
  /** Transformers has no class that the compact layout could build on: it has none of the family, or one that does more. */
  readonly noCompactClass?: true;
  /** The version of the Less-is-MoE format that its vLLM plugin reads for this family. Absent: it does not know the family. */
  readonly flatFormat?: FlatFormat;
  /**
   * The tokenizer class that `AutoTokenizer` of transformers 5.18 takes, without "Fast", where tokenizer_config.json does
   * not decide (`TOKENIZER_MAPPING_NAMES` there). Absent: the files alone decide.
   */
  readonly tokenizerClass?: string;
  /** Repositories of the family name wrong tokenizer classes, so that transformers ignores what they name. */
  readonly ignoresNamedTokenizer?: true;
}

/** Version 1 knows SwiGLU without biases; version 2 states its activation and biases. */
export type FlatFormat =
  | { readonly version: 1 }
  | { readonly version: 2; readonly activation: string; readonly bias: boolean };

export type AttentionTraits = GroupedQueryTraits | LatentTraits;

export interface GroupedQueryTraits {
  readonly kind: 'gqa';
  /** Whether queries, keys and values have a bias. */
  readonly qkvBias: 'by-config' | 'always' | 'never';
  /** The products of queries and keys are not scaled. */
  readonly unscaled?: true;
  /** Whether the output projection follows `qkvBias` or never has a bias. */
  readonly outputBias: 'as-qkv' | 'never';
  /**
   * What the RMS norm of queries and keys runs over, if there is one. Where `keys` has `usesQkNorm`, that key says
   * whether there is. `square`: over a projection that must be as wide as the hidden states.
   * `weightless`: over the head, multiplied by nothing, in layers that rotate.
   */
  readonly qkNorm: 'head' | 'projection' | 'square' | 'weightless' | null;
  /** The values of a head are normed, multiplied by nothing. */
  readonly valueNorm?: true;
  /** Queries and keys are normed after the rotation. */
  readonly normedAfterRotation?: true;
  readonly rotation: RotationRule;
  /** Which numbers of a head are rotated together; by default those half a rotation apart. */
  readonly pairing?: 'neighbours';
  /** `alpha` beside a dynamic rotation stretches its base once for all: theta * alpha ** (d / (d - 2)). */
  readonly alphaBase?: true;
  /** A stretched rotation is a long one, which multiplies cosine and sine by `short_mscale` or `long_mscale`. */
  readonly toldMscales?: true;
  /**
   * Layers with a window and those without have rotations of their own, which stand in `rope_parameters` under the names of
   * their types. This is taken where that is absent.
   */
  readonly rotations?: Readonly<Record<LayerKind, Readonly<Record<string, ConfigValue>>>>;
  /**
   * Layers whose queries and keys are not rotated, if any: those without a window, `full`; these where `sliding_window` is
   * set; these but for dense ones where `prefix_dense_sliding_window_pattern` is 1; those that a list names; or all,
   * always or unless config.json names a rotation as the embedding of positions.
   */
  readonly unrotated?:
    | 'full'
    | 'full-beside-windows'
    | 'full-but-prefix'
    | 'listed'
    | 'unless-named'
    | 'always';
  readonly windows: WindowRule;
  /** The last layer has no window, whatever `layer_types` says. */
  readonly lastIsFull?: true;
  /** Whether each head has a sink beside the tokens' logits: in all layers, in none, or in those with a window. */
  readonly sinks: boolean | 'windowed';
  /** Each head's output has a gate, whose rows stand behind those of its queries. */
  readonly outputGate?: true;
  /** The same gate with a projection of its own. */
  readonly gate?: true;
}

export type RecurrenceTraits = DeltaRuleTraits | ShortConvolutionTraits | StateSpaceTraits;
export type LayerKind = 'full' | 'windowed';

export interface DeltaRuleTraits {
  readonly kind: 'gated-delta-rule';
  /** See `DeltaRuleInput`. */
  readonly input: DeltaRuleInput['layout'];
}

export interface ShortConvolutionTraits {
  readonly kind: 'short-convolution';
}

export interface StateSpaceTraits {
  readonly kind: 'state-space';
  /** Whether the norm of what comes out takes the mean square of all of it, or of that of each group of heads. */
  readonly norm: 'whole' | 'groups';
}

/**
 * Which layers see only the last `sliding_window` tokens: none; all, where the key is set; or those that
 * `layer_types` names, and where that is absent every other one from the first, those from `max_window_layers` on,
 * every other one below it, all but every `sliding_window_pattern`-th; the same with another step among the first dense
 * layers (`prefixed-pattern`); or all but the first and every sixth. `chunks`: those that rotate see their own chunk of
 * `attention_chunk_size` tokens.
 */
export type WindowRule =
  | 'never'
  | 'every-layer'
  | 'alternating'
  | 'from-layer'
  | 'alternating-below-layer'
  | 'pattern'
  | 'prefixed-pattern'
  | 'but-first-and-sixth'
  | 'chunks';

/**
 * How much of a head is rotated. `whole`: all of it, and `partial_rotary_factor` is not looked at. `undivided`: all of
 * it, and another factor than 1 is refused, because transformers cannot run it. `part`: the first dimensions, as many as
 * `partial_rotary_factor` or an absolute key says. `share` (of latent attention): what `qk_rope_head_dim` says, which is
 * what a `partial_rotary_factor` must say of all dimensions of a head. `none` (of latent attention): nothing is rotated.
 */
export type RotationRule = 'whole' | 'undivided' | 'part' | 'share' | 'none';

/** Multi-head latent attention; its sizes have the same keys in all families. */
export interface LatentTraits {
  readonly kind: 'mla';
  readonly rotation: Exclude<RotationRule, 'part'>;
  /** Queries are multiplied by a factor that grows with their position, by `llama_4_scaling_beta` of the rotation. */
  readonly scalesQueries?: true;
  /** Layers have indexers, which choose the tokens that a token attends to. */
  readonly indexer?: {
    /** Which numbers of a head of the indexer are rotated together. */
    readonly pairing: Rope['pairing'];
  };
}

export interface RouterTraits {
  /**
   * What `scoring_func` must be where it is given. `by-config`: a softmax over the chosen or a sigmoid, whose weights
   * are divided by their sum as `normalise` says.
   */
  readonly scoring: Router['scoring'] | 'by-config';
  /** Two slots are chosen and weighed as `Router.mixerThreshold` says. */
  readonly mixer?: true;
  /** What weights multiply. Default: the output of an expert. */
  readonly weighs?: 'input';
  /** The router's input has stored factors, and so have the weights of slots. */
  readonly storedScales?: true;
  /** Values of `topk_method` and how each values a group of experts, null without groups. */
  readonly methods: Readonly<Record<string, RouterGroups['by'] | null>>;
  /**
   * When the chosen weights are divided by their sum: always; never; as `norm_topk_prob` says; or so, but never
   * where one expert is chosen.
   */
  readonly normalise: 'always' | 'never' | 'by-config' | 'by-config-of-several';
  /** What the experts chosen beyond those of the best groups weigh: nothing, or they cannot be told (`CONFIG_INVALID`). */
  readonly beyondGroups: 'nothing' | 'unknown';
  /** Whether the logits have a bias, under the router's stem. */
  readonly bias: boolean;
  /** Whether scores have a bias for the selection only. Where `keys` has `usesSelectionBias`, that key says so. */
  readonly selectionBias: boolean;
  /** What is added to the sum that weights are divided by; absent: too little to be seen. */
  readonly addedToSum?: number;
}

export interface FfnTraits {
  /** The shared expert: its size in channels or in experts of the routed width, one of it without a key; and whether its output passes a sigmoid gate. */
  readonly shared: {
    readonly unit: 'channels' | 'experts';
    readonly gated: boolean;
    /** Its output is averaged with that of the routed experts where `shared_expert_combination_strategy` says so. */
    readonly averaged?: 'by-config';
  } | null;
  /**
   * Which layers are dense, of width `intermediate_size`. `all`: those of a dense family. `mlp-only-layers`: those listed there, and
   * those with (layer + 1) % decoder_sparse_step != 0. `prefix`: the first `first_k_dense_replace`. `prefix-and-step`: also
   * those with layer % moe_layer_freq != 0. `types`: those that `mlp_layer_types` names; where that is absent, the first
   * `first_k_dense_replace`, or the first alone in a family that does not read this key. `interval`: those before a first
   * and behind a last layer with experts, and those with (layer + 1) % `moe_layer_interval` != 0. `listed`: those that
   * `moe_layers` does not name, and where that is absent those with (layer + 1) % `interleave_moe_layer_step` != 0. `flag`:
   * all, unless `enable_moe_block`. `without-experts`: all where the number of experts is 0, else none. `layer-types`:
   * those that `layer_types` calls "mlp", in a family whose layers are each attention, a recurrence, an MLP or an MoE, and
   * nothing else.
   */
  readonly dense:
    | 'none'
    | 'layer-types'
    | 'without-experts'
    | 'all'
    | 'mlp-only-layers'
    | 'prefix'
    | 'prefix-and-step'
    | 'types'
    | 'interval'
    | 'listed'
    | 'flag';
  /** Its MLPs have no gate. */
  readonly ungated?: true;
  /** SwiGLU with both factors clamped, in place of the function that config.json names. */
  readonly clamp: { readonly alpha: number; readonly limit: number } | null;
}
