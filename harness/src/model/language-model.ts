import type { GenerateOptions, SequenceScore, TokenSequence, Work } from '@moepress/core';
import type { GenerationRequest, LoglikelihoodRequest } from '../requests/request.js';

/** The interface of the harness to a model: three kinds of questions about text. Answers come in request order. */
export interface LanguageModel {
  /** Name of the model, as recorded in the results. */
  readonly name: string;
  /** How the model was set up, recorded in the results: its BOS setting, context length and the like. */
  readonly settings?: Readonly<Record<string, string | number | boolean | null>>;
  loglikelihood(requests: readonly ScoredPair[], work?: Work): Promise<SequenceScore[]>;
  loglikelihoodRolling(texts: readonly string[], work?: Work): Promise<TextScore[]>;
  generateUntil(requests: readonly Prompt[], work?: Work): Promise<string[]>;
  /** Notes for readers of the scores about the answers computed so far, in whole sentences. */
  warnings?(): readonly string[];
}

export type ScoredPair = Pick<LoglikelihoodRequest, 'context' | 'continuation'>;
export type Prompt = Pick<GenerationRequest, 'context' | 'until' | 'maxGenTokens'>;

/** The answer to a request of each kind. */
export type ModelResponse = SequenceScore | TextScore | string;

/** How probable a text is. */
export interface TextScore {
  /** Natural logarithm of p(text). */
  readonly logprob: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/** A model on token ids. All items of a kind come in one call, so that the engine can batch and share. */
export interface TokenEngine {
  /** The context length: how many ids it can read at once. */
  readonly maxLength: number;
  /**
   * Sum over i >= from of log p(ids[i] | ids[..i)), and whether each of them is the argmax. Items have
   * at most `maxLength + 1` ids, because the last is only predicted. They come longest first, and items
   * that differ only in their last ids stand together.
   */
  score(items: readonly TokenSequence[], work?: Work): Promise<SequenceScore[]>;
  /** Greedy continuations, without the prompts. */
  generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<number[][]>;
}
