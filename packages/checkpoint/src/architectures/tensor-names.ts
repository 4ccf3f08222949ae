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
  /** Norms of what comes out of attention and the FFN, in families with norms on both sides. */
  readonly attentionNormAfter: string;
  readonly ffnNormAfter: string;
  /** Norms of the routed experts and the shared one, in families where they have their own; the latter's first is `ffnNorm`. */
  readonly partNorms: { readonly before: string; readonly after: string; readonly sharedAfter: string };
  /** Factor of a layer's output. */
  readonly outputScale: string;
  /** Also the queries of latent attention where they have no latent. Stem. */
  readonly query: string;
  /** Stem. */
  readonly key: string;
  /** Stem. */
  readonly value: string;
  /** Stem. */
  readonly output: string;
  /** Stem of the gate with a projection of its own. */
  readonly gate: string;
  readonly queryNorm: string;
  readonly keyNorm: string;
  readonly sinks: string;
  /** Latent attention. */
  readonly latent: LatentNames;
  /** The gated delta rule whose input has the layout `channelwise`. */
  readonly channelwise: ChannelwiseNames;
  /** The indexers of latent attention. */
  readonly indexer: IndexerNames;
  /** The gated delta rule. */
  readonly deltaRule: DeltaRuleNames;
  readonly shortConvolution: ShortConvolutionNames;
  readonly stateSpace: StateSpaceNames;
  /** Stem. */
  readonly router: string;
  readonly selectionBias: string;
  /** Factors of the router's input and of the weights of slots. */
  readonly routerInputScale: string;
  readonly slotScales: string;
  /** It is stored as [1, slots]. */
  readonly selectionBiasAsRow?: true;
  readonly experts: ExpertNames;
  readonly dense: MlpNames | FusedMlpNames;
  readonly shared: MlpNames | FusedMlpNames;
  readonly sharedGate: string;
  /** The projections around experts that see a narrower space. Stems. */
  readonly latentExperts?: { readonly down: string; readonly up: string };
  /** A tensor that is absent is looked for under its name with the first text of a pair replaced by the second. */
  readonly alias: readonly TensorAlias[];
}

export type TensorAlias = readonly [from: string, to: string];

/** Stems, but for the norms. */
export interface LatentNames {
  readonly queryDown: string;
  readonly queryDownNorm: string;
  readonly queryUp: string;
  readonly keyValueDown: string;
  readonly keyValueDownNorm: string;
  readonly keyValueUp: string;
}

/** Stems, the norm's too: it has weight and bias. */
export interface IndexerNames {
  readonly query: string;
  readonly key: string;
  readonly keyNorm: string;
  readonly weights: string;
}

/** Stems, but for the convolution, the decays and the norm. Those of one layout of the input are not used in the other. */
export interface DeltaRuleNames {
  readonly qkv: string;
  readonly z: string;
  readonly b: string;
  readonly a: string;
  readonly qkvz: string;
  readonly ba: string;
  readonly convolution: string;
  readonly decay: string;
  readonly decayBias: string;
  readonly norm: string;
  readonly output: string;
}

/** Stems, but for the convolutions, the decays and the norm; queries, keys, values and output are named as those of attention. */
export interface ChannelwiseNames {
  readonly qConvolution: string;
  readonly kConvolution: string;
  readonly vConvolution: string;
  readonly b: string;
  readonly zDown: string;
  readonly zUp: string;
  readonly aDown: string;
  readonly aUp: string;
  readonly decay: string;
  readonly decayBias: string;
  readonly norm: string;
}

/** Stems. */
export interface ShortConvolutionNames {
  readonly input: string;
  readonly convolution: string;
  readonly output: string;
}

/** Stems, but for what belongs to the heads and the norm. */
export interface StateSpaceNames {
  readonly input: string;
  readonly convolution: string;
  readonly stepBias: string;
  readonly decay: string;
  readonly skip: string;
  readonly norm: string;
  readonly output: string;
}

export interface MlpNames {
  /** Null in a family without gates. */
  readonly gate: string | null;
  readonly up: string;
  readonly down: string;
}

/** `gateUp` [2I, H] has the gate's rows before those of up. */
export interface FusedMlpNames {
  readonly gateUp: string;
  readonly down: string;
}

/** How the routed experts of a layer are stored. */
export type ExpertNames = {
  /** A tensor for each projection of all experts: read where the separate ones are absent. */
  readonly fused: FusedNames;
} & (
  | {
      /** A tensor for each projection of each expert. */
      readonly separate: MlpNames;
    }
  | {
      /** Written are fused ones. */
      readonly separate: null;
      /** Names of experts that are stored one by one: those that differ in width do not fit into one tensor. */
      readonly ownWidth: MlpNames;
    }
);

/**
 * Tensors whose first axis counts the experts of the layer. Their biases, if any, are [experts, 2I] in
 * the order of `gateUp`, and [experts, H].
 * `stacked`: `gateUp` [experts, 2I, H], the gate's rows before those of up, and `down` [experts, H, I].
 * `ungated` (Nemotron-H): `gateUp` is up alone, [experts, I, H], and `down` as with `stacked`.
 * `interleaved` (gpt-oss): `gateUp` [experts, H, 2I], the gate in even and up in odd columns, and `down`
 * [experts, I, H]. `halves` (Llama 4): the same with the gate's columns before those of up. In MXFP4 these are stored transposed, as `<name>_blocks` [experts, 2I, H / 32, 16]
 * and [experts, H, I / 32, 16], and `<name>_scales` without the last axis.
 */
export interface FusedNames {
  readonly gateUp: string;
  readonly down: string;
  readonly bias: { readonly gateUp: string; readonly down: string } | null;
  readonly layout: 'stacked' | 'interleaved' | 'halves' | 'ungated';
}

/** What a template is filled with. */
export interface Place {
  readonly layer?: number;
  readonly expert?: number;
}

/** The templates of an MLP's tensors. */
export const mlpNames = (names: MlpNames | FusedMlpNames): string[] =>
  Object.values(names).filter((name): name is string => name !== null);

/** Fills a template. */
export function tensorName(template: string, at: Place): string {
  return template.replace('{layer}', String(at.layer)).replace('{expert}', String(at.expert));
}

/** The name of a projection's bias, from that of its weights. */
export const biasName = (weight: string): string => weight.replace(/\.weight$/, '.bias');
