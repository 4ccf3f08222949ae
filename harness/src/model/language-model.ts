import type { SequenceScore, Work } from '@moepress/core';
import type { GenerationRequest, LoglikelihoodRequest } from '../requests/request.js';

/** What the harness needs of a model: three questions about text. Answers come in request order. */
export interface LanguageModel {
  /** As recorded in the results. */
  readonly name: string;
  /** How the model was set up, recorded in the results: its BOS setting, context length and the like. */
  readonly settings?: Readonly<Record<string, string | number | boolean | null>>;
  loglikelihood(requests: readonly ScoredPair[], work?: Work): Promise<SequenceScore[]>;
  loglikelihoodRolling(texts: readonly string[], work?: Work): Promise<TextScore[]>;
  generateUntil(requests: readonly Prompt[], work?: Work): Promise<string[]>;
  /** What readers of the scores should know of the answers computed so far, in whole sentences. */
  warnings?(): readonly string[];
}

export type ScoredPair = Pick<LoglikelihoodRequest, 'context' | 'continuation'>;
export type Prompt = Pick<GenerationRequest, 'context' | 'until' | 'maxGenTokens'>;

export interface TextScore {
  /** Natural logarithm of p(text). */
  readonly logprob: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}
