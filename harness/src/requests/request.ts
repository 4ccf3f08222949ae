import { sha256 } from '@moepress/core';

/** What a model is asked. Each kind has its own answer; see LanguageModel. */
export type ModelRequest = LoglikelihoodRequest | RollingRequest | GenerationRequest;

/** log p(continuation | context). */
export interface LoglikelihoodRequest {
  readonly kind: 'loglikelihood';
  readonly context: string;
  readonly continuation: string;
}

/** log p(text), however long. */
export interface RollingRequest {
  readonly kind: 'loglikelihood_rolling';
  readonly text: string;
}

/** Text after the context, up to the first stop or `maxGenTokens` tokens: the likeliest, or one that is drawn. */
export interface GenerationRequest {
  readonly kind: 'generate_until';
  readonly context: string;
  readonly until: readonly string[];
  readonly maxGenTokens: number;
  /** How tokens are drawn; absent where the likeliest is taken. */
  readonly sampling?: SamplingRequest | undefined;
}

/** How the tokens of an answer are drawn. */
export interface SamplingRequest {
  /** By which logits are divided, above 0. */
  readonly temperature: number;
  /** Only the fewest tokens that have at least this share of the probability together; 1, or absent: all. */
  readonly topP?: number | undefined;
  /** Only so many of the likeliest tokens; 0: all; absent: as whoever runs the model has it. */
  readonly topK?: number | undefined;
  /** Of the random numbers, with the prompt and the attempt. */
  readonly seed: number;
  /** Which of the answers to one prompt it is, from 0. */
  readonly attempt: number;
}

/** The content of a request without its task: tasks with equal requests share the answer. */
export function requestKey(request: ModelRequest): string {
  return sha256(JSON.stringify(request));
}
