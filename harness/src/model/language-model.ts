import type { GenerateOptions, SequenceScore, TokenSequence, Work } from '@moepress/core';
import type { GenerationRequest, LoglikelihoodRequest, SamplingRequest } from '../requests/request.js';

/** The interface of the harness to a model: three kinds of questions about text. Answers come in request order. */
export interface LanguageModel {
  /** Name of the model, as recorded in the results. */
  readonly name: string;
  /** How the model was set up, recorded in the results: its BOS setting, context length and the like. */
  readonly settings?: Readonly<Record<string, string | number | boolean | null>>;
  loglikelihood(requests: readonly ScoredPair[], work?: Work): Promise<ComparedScore[]>;
  loglikelihoodRolling(texts: readonly string[], work?: Work): Promise<TextScore[]>;
  generateUntil(requests: readonly Prompt[], work?: Work): Promise<string[]>;
  /** What the model is compared with; its scores say then how far each token has moved. */
  readonly against?: string | undefined;
  /** Notes for readers of the scores about the answers computed so far, in whole sentences. */
  warnings?(): readonly string[];
}

export type ScoredPair = Pick<LoglikelihoodRequest, 'context' | 'continuation'>;
export type Prompt = Pick<GenerationRequest, 'context' | 'until' | 'maxGenTokens' | 'sampling'>;

/** The answer to a request of each kind. */
export type ModelResponse = ComparedScore | TextScore | string;

/** KL(original || model) at a scored token, in nats, and 1 where both find the same token the most probable, else 0. */
export type TokenMovement = readonly [divergence: number, agrees: 0 | 1];

/** A score and, of a model that is compared with an original, how far each of its tokens has moved. */
export interface ComparedScore extends SequenceScore {
  readonly movement?: readonly TokenMovement[] | undefined;
}

/** How probable a text is. */
export interface TextScore {
  /** Natural logarithm of p(text). */
  readonly logprob: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** As in `ComparedScore`. */
  readonly movement?: readonly TokenMovement[] | undefined;
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
  score(items: readonly TokenSequence[], work?: Work): Promise<ComparedScore[]>;
  /** Continuations, without the prompts: the likeliest, or such as `sampling` draws. */
  generate(
    prompts: readonly (readonly number[])[],
    options: GenerateOptions & { readonly sampling?: SamplingRequest | undefined },
  ): Promise<number[][]>;
}
