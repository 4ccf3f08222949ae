import { z } from 'zod';
import { isGreedy } from '../../sampling/sampler.js';
import { RequestError } from '../request-error.js';
import { type DecodingRequest, decodingFields, decodingOf } from './decoding.js';
import { maxPrompts, only, parse } from './parse-field.js';

// Bodies of POST /v1/completions as OpenAI's API has them.

/** Likeliest tokens that may be told beside each. */
const maxLogprobs = 20;

/** One by one in a loop: there may be a million. */
const ids = z.custom<readonly number[]>(
  (value) => Array.isArray(value) && value.length > 0 && value.every((id) => Number.isInteger(id) && id >= 0),
  'expected a text, ids of tokens, or a list of either',
);

const completionSchema = z.strictObject({
  ...decodingFields,
  prompt: z.union([
    z.string(),
    ids,
    z.array(z.string()).min(1).max(maxPrompts),
    z.array(ids).min(1).max(maxPrompts),
  ]),
  max_tokens: z.int().nonnegative().nullish(),
  best_of: z.int().min(1).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(maxLogprobs, `at most ${maxLogprobs}`).nullish(),
  suffix: only('', 'text cannot be inserted'),
  add_special_tokens: only(true, 'give ids of tokens to have none'),
});

export interface CompletionRequest extends DecodingRequest {
  /** Text still has to be encoded. */
  readonly prompts: readonly (string | readonly number[])[];
  readonly maxTokens: number;
  readonly echo: boolean;
  /** How many of the likeliest tokens are told beside each; null: no log-probabilities. */
  readonly logprobs: number | null;
}

/** Throws a `RequestError` of status 400. */
export function parseCompletion(body: unknown): CompletionRequest {
  const { prompt, max_tokens, best_of, echo, logprobs, ...rest } = parse(completionSchema, body);
  const decoding = decodingOf(rest);
  if (best_of != null && best_of !== decoding.choices) {
    throw new RequestError(400, 'best_of: only as many as n: no answers are thrown away.', 'best_of');
  }
  if (echo && decoding.stream) {
    throw new RequestError(400, 'echo: not with stream.', 'echo');
  }
  if (echo && (logprobs ?? 0) > 1) {
    throw new RequestError(400, 'logprobs: at most 1 with echo: the likeliest token.', 'logprobs');
  }
  return {
    ...decoding,
    prompts: isList(prompt) ? prompt : [prompt],
    maxTokens: max_tokens ?? 16,
    echo: echo ?? false,
    logprobs: logprobs ?? null,
  };
}

/** What harnesses ask to have a prompt scored: one token at most, and the prompt with its log-probabilities. */
export function isScoring({ echo, logprobs, maxTokens, choices, sampling }: CompletionRequest): boolean {
  return echo && logprobs !== null && maxTokens === 1 && choices === 1 && isGreedy(sampling);
}

function isList(
  prompt: string | readonly number[] | readonly string[] | readonly (readonly number[])[],
): prompt is readonly string[] | readonly (readonly number[])[] {
  return typeof prompt !== 'string' && typeof prompt[0] !== 'number';
}
