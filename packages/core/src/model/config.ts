import type { DType } from '../tensor/dtype.js';

/** Rotary position embedding. Frequency i of `dim / 2` turns by `theta ** (-2 i / dim)` radians a token, scaled by `scaling`. */
export interface Rope {
  readonly theta: number;
  /** Rotated dimensions of each head; even. */
  readonly dim: number;
  /** Which numbers turn together: i with i + dim / 2, or 2i with 2i + 1 (DeepSeek's MLA). */
  readonly pairing: 'halves' | 'neighbours';
  readonly scaling: RopeScaling | null;
}

/**
 * How frequencies are stretched to contexts longer than those of pretraining, which had
 * `originalPositions`. Formulas: `rotaryFrequencies` in @moepress/runtime, after transformers.
 */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  /** Stretches only sequences that are longer than `originalPositions`. */
  | { readonly kind: 'dynamic'; readonly factor: number; readonly originalPositions: number }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the bounds of the ramp are rounded to whole frequencies. */
      readonly truncate: boolean;
      /** Cosine and sine are multiplied by it. */
      readonly attentionFactor: number;
    }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly originalPositions: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
    }
  /** Each of dim / 2 pairs by a factor of its own; other ones in sequences longer than `originalPositions`. */
  | {
      readonly kind: 'longrope';
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly originalPositions: number;
      /** Cosine and sine are multiplied by it. */
      readonly attentionFactor: number;
    }
  /** Only the first `pairs` turn. */
  | { readonly kind: 'proportional'; readonly factor: number; readonly pairs: number };

/** What a decoder's config.json says, in one vocabulary for all families. */
export interface DecoderConfig {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Experts the router chooses from, and how many it chooses a token; 0 in a dense model. */
  readonly experts: number;
  readonly topK: number;
  readonly rmsNormEps: number;
  readonly rope: Rope;
  readonly maxPositions: number;
  readonly tiedEmbeddings: boolean;
  /** Storage type of the weights as the config declares it. */
  readonly dtype: DType;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
}
