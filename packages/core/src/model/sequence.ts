import type { Work } from '../events.js';

/**
 * Token ids of which those from place `from` on are predicted, 1 <= from < length, each from all before it: a model is
 * scored on them or learns them. The others are context.
 */
export interface TokenSequence {
  readonly ids: readonly number[];
  readonly from: number;
}

/** How a model predicts the tokens of a sequence from `from` on. */
export interface SequenceScore {
  /** Sum of their natural log-probabilities. */
  readonly logprob: number;
  /** Whether each of them is the most probable token at its place, so that greedy decoding would give them. */
  readonly isGreedy: boolean;
}

/** How far a model continues prompts. */
export interface GenerateOptions extends Work {
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  /** Called after each token with all new ids of one prompt and the number of that prompt; true ends it. */
  stop?(newIds: readonly number[], index: number): boolean;
}
