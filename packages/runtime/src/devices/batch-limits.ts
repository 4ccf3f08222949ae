/** Limits of a batch. */
export interface BatchLimits {
  /** Packed tokens of one run. */
  readonly tokens: number;
  /**
   * Attention scores of one run, B * heads * S * S numbers, where sequences are padded; infinite where they are
   * a tree, whose scores are never in memory all at once.
   */
  readonly scores: number;
  readonly heads: number;
  /**
   * The number of batches that run in parallel: tokens are spread evenly over that number, or a multiple; by default
   * they are not.
   */
  readonly lanes?: number;
}

/** Enough tokens to make the conversion of the weights cheap, few enough for a quarter of a gigabyte of activations a worker. */
export const defaultLimits = { tokens: 2048, scores: Number.POSITIVE_INFINITY } as const;

/** Packed tokens of a run where memory is more or less scarce. */
export const runTokens: readonly number[] = [defaultLimits.tokens, 1024, 512, 256, 128];

/** Sizes of runs of at most `most` tokens, the largest first. */
export const runTokensWithin = (most: number): readonly number[] => [
  most,
  ...runTokens.filter((tokens) => tokens < most),
];
