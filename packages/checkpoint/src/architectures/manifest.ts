/**
 * What tells one family of checkpoints from another, as data. A family whose mathematics is already
 * known needs a manifest and nothing else: the names below serve reading and writing alike.
 */
export interface ArchitectureManifest {
  /** `model_type` of config.json. */
  readonly modelType: string;
  readonly title: string;
  /** The class of transformers that runs it, as config.json lists it under `architectures`. */
  readonly className: string;
  readonly keys: ConfigKeys;
  readonly attention: AttentionTraits;
  readonly router: RouterTraits;
  readonly ffn: FfnTraits;
  readonly tensors: TensorNames;
}

/** The keys of config.json whose names differ between families. */
export interface ConfigKeys {
  /** Number of routed experts, or of router slots in a compact checkpoint. */
  readonly experts: string;
  readonly topK: string;
  /** Intermediate size of a routed expert. */
  readonly expertWidth: string;
}

export interface AttentionTraits {
  /** Whether queries, keys and values have a bias: the key that says so, and what its absence means. */
  readonly qkvBias: { readonly key: string; readonly default: boolean };
  /** Whether the output projection follows `qkvBias` or never has a bias. */
  readonly outputBias: 'as-qkv' | 'never';
  /** What the RMS norm of queries and keys runs over, if there is one. */
  readonly qkNorm: 'head' | 'projection' | null;
  /** The key of the bound to which queries, keys and values are clipped. */
  readonly clipKey: string | null;
}

/** softmax over the slots, then top-k, in every family so far. */
export interface RouterTraits {
  /** Whether the chosen weights are divided by their sum when `norm_topk_prob` is absent. */
  readonly normaliseDefault: boolean;
}

export interface FfnTraits {
  /** The key of the shared expert's intermediate size; its output passes a sigmoid gate. */
  readonly sharedWidthKey: string | null;
  /**
   * Which layers are dense. `mlp-only-layers`: those listed there, and those with
   * (layer + 1) % decoder_sparse_step != 0; their width is `intermediate_size`.
   */
  readonly dense: 'none' | 'mlp-only-layers';
}

/** Templates with `{layer}` and `{expert}`. Of a linear layer the stem, before `.weight` and `.bias`. */
export interface TensorNames {
  readonly embed: string;
  readonly finalNorm: string;
  readonly head: string;
  readonly attentionNorm: string;
  readonly ffnNorm: string;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly queryNorm: string;
  readonly keyNorm: string;
  readonly router: string;
  readonly expert: MlpNames;
  readonly dense: MlpNames;
  readonly shared: MlpNames;
  readonly sharedGate: string;
}

export interface MlpNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** Fills a template. */
export function tensorName(template: string, at: { readonly layer?: number; readonly expert?: number }) {
  return template.replace('{layer}', String(at.layer)).replace('{expert}', String(at.expert));
}
