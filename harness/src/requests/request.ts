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

/** Greedy text after the context, up to the first stop or `maxGenTokens` tokens. */
export interface GenerationRequest {
  readonly kind: 'generate_until';
  readonly context: string;
  readonly until: readonly string[];
  readonly maxGenTokens: number;
}

/** The content of a request without its task: tasks with equal requests share the answer. */
export function requestKey(request: ModelRequest): string {
  return sha256(JSON.stringify(request));
}
