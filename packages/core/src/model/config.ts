import type { DType } from '../tensor/dtype.js';

/** Rotary position embedding. Frequency i of `dim / 2` turns by `theta ** (-2 i / dim)` radians a token. */
export interface Rope {
  readonly theta: number;
  /** Rotated dimensions of each head; even. */
  readonly dim: number;
}

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
