import type { Work } from '../events.js';

/**
 * Token ids of which those from index `from` on are predicted (1 <= from < length), each from all ids before it: a
 * model is scored or trained on them. The others are context.
 */
export interface TokenSequence {
  readonly ids: readonly number[];
  readonly from: number;
}

/** How well a model predicts the tokens of a sequence from `from` on. */
export interface SequenceScore {
  /** Sum of their natural log-probabilities. */
  readonly logprob: number;
  /** Whether each of them is the most probable token at its position, so that greedy decoding would produce them. */
  readonly isGreedy: boolean;
}

/** How many tokens a model generates after each prompt. */
export interface GenerateOptions extends Work {
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  /**
   * Called after each token with all new ids of one prompt and the number of that prompt; generation ends when it
   * returns true.
   */
  stop?(newIds: readonly number[], index: number): boolean;
}
