import type { DType } from '../tensor/dtype.js';

/**
 * Rotary position embedding. Frequency i of `dim / 2` rotates by `theta ** (-2 i / dim)` radians per token, scaled by
 * `scaling`.
 */
export interface Rope {
  readonly theta: number;
  /** Rotated dimensions of each head; even. */
  readonly dim: number;
  /** Which dimensions are rotated together: i with i + dim / 2, or 2i with 2i + 1 (DeepSeek's MLA). */
  readonly pairing: 'halves' | 'neighbours';
  readonly scaling: RopeScaling | null;
}

/**
 * How frequencies are scaled for contexts longer than those of pretraining, which had `originalPositions`. Formulas:
 * `rotaryFrequencies` in @moepress/runtime, after transformers.
 */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  /** Scales the frequencies only in sequences longer than `originalPositions`. */
  | { readonly kind: 'dynamic'; readonly factor: number; readonly originalPositions: number }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the bounds of the ramp are rounded to whole frequencies. */
      readonly truncate: boolean;
      /** Factor on cosine and sine. */
      readonly attentionFactor: number;
    }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly originalPositions: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
    }
  /**
   * Each of the dim / 2 frequencies has a separate factor, and another one in sequences longer than
   * `originalPositions`.
   */
  | {
      readonly kind: 'longrope';
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly originalPositions: number;
      /** Factor on cosine and sine. */
      readonly attentionFactor: number;
      /** The same in longer sequences, where it is another one (Phi-3.5-MoE). */
      readonly longAttentionFactor?: number;
    }
  /** Only the first `pairs` pairs are rotated. */
  | { readonly kind: 'proportional'; readonly factor: number; readonly pairs: number };

/** Constants that a decoder multiplies by, 1 where it does not (Granite). */
export interface Multipliers {
  /** Factor on the embeddings of tokens. */
  readonly embedding: number;
  /** Factor on what attention and FFN add to their input. */
  readonly residual: number;
  /** Factor on the logits. */
  readonly logits: number;
}

/** The settings of a decoder's config.json, under the same names for all families. */
export interface DecoderConfig {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly layers: number;
  /** Number of heads in the layers with attention. */
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** The number of experts the router chooses from, and how many it chooses per token; 0 in a dense model. */
  readonly experts: number;
  readonly topK: number;
  readonly rmsNormEps: number;
  /** Norms of hidden states are layer norms, which subtract the mean first. Default: RMS norms. */
  readonly layerNorm?: true;
  /** What is added to the weights of the norms of hidden states, queries and keys: 1 where these are stored less it (Qwen3-Next). Default: 0. */
  readonly normOffset?: 0 | 1;
  readonly rope: Rope;
  readonly maxPositions: number;
  readonly tiedEmbeddings: boolean;
  /** Default: none. */
  readonly multipliers?: Multipliers;
  /** Logits l become cap tanh(l / cap) (Gemma). Default: they stay. */
  readonly logitCap?: number;
  /** Storage type of the weights as the config declares it. */
  readonly dtype: DType;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
}
