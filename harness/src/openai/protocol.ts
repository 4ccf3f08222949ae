import type { SequenceScore, TokenSequence } from '@moepress/core';
import { MoepressError } from '@moepress/core';
import { z } from 'zod';
import type { SamplingRequest } from '../requests/request.js';

// The bodies of POST /v1/completions as lm-evaluation-harness' local-completions model sends and reads them.

/** Its fixed seed; greedy decoding does not draw, but servers may log it. */
const seed = 1234;

type Prompts = readonly (readonly number[])[];

/** Asks for the log-probabilities of the prompts themselves. At least one token must be generated. */
export function scoringBody(model: string, prompt: Prompts) {
  return { model, prompt, temperature: 0, max_tokens: 1, logprobs: 1, seed, echo: true };
}

/** Asks for text up to the first stop, greedy or drawn. */
export function generationBody(
  model: string,
  prompt: Prompts,
  {
    maxTokens,
    stop,
    sampling,
  }: {
    readonly maxTokens: number;
    readonly stop: readonly string[];
    readonly sampling?: SamplingRequest | undefined;
  },
) {
  const body = { prompt, model, max_tokens: maxTokens, temperature: 0, stop, seed };
  if (!sampling) return body;
  const { temperature, topP, topK, attempt } = sampling;
  // What a task does not say is the server's own.
  const more = { ...(topP !== undefined && { top_p: topP }), ...(topK !== undefined && { top_k: topK }) };
  return { ...body, temperature, ...more, seed: sampling.seed + attempt };
}

/** The log-probability of an impossible token is minus infinity, which Python's servers write. */
const logprob = z.custom<number>(
  (value) => typeof value === 'number' && !Number.isNaN(value),
  'expected a log-probability',
);

const scoredChoice = z.object({
  index: z.int(),
  logprobs: z.object({
    token_logprobs: z.array(logprob.nullable()),
    top_logprobs: z.array(z.record(z.string(), logprob).nullable()),
  }),
});

const textChoice = z.object({ index: z.int(), text: z.string() });

/**
 * Scores from the answer to `scoringBody`. A token is greedy if none of the alternatives listed with it is more
 * probable. Throws `SERVER_UNSUITABLE` unless there is one log-probability for each token sent and one for the
 * generated token: a server that puts a BOS before the prompt would shift them all.
 */
export function readScores(body: unknown, items: readonly TokenSequence[], where: string): SequenceScore[] {
  const choices = readChoices(body, scoredChoice, items.length, where);
  return items.map(({ ids, from }, i) => {
    const { token_logprobs: own, top_logprobs: listed } = choices[i]!.logprobs;
    if (own.length !== ids.length + 1 || listed.length !== own.length) {
      throw unsuitable(
        `The server gave ${own.length} log-probabilities for ${ids.length} tokens and one more.`,
        where,
      );
    }
    let logprob = 0;
    let isGreedy = true;
    for (let at = from; at < ids.length; at++) {
      const token = own[at];
      const top = listed[at];
      if (token == null || top == null) {
        throw unsuitable(`The server gave no log-probability for token ${at} of ${ids.length}.`, where);
      }
      logprob += token;
      isGreedy &&= Object.values(top).every((other) => other <= token);
    }
    return { logprob, isGreedy };
  });
}

/** Texts from the answer to `generationBody`. Throws `SERVER_UNSUITABLE`. */
export function readTexts(body: unknown, count: number, where: string): string[] {
  return readChoices(body, textChoice, count, where).map(({ text }) => text);
}

/** One choice a prompt, in prompt order: servers send them as they finish. */
function readChoices<Choice extends { index: number }>(
  body: unknown,
  choice: z.ZodType<Choice>,
  count: number,
  where: string,
): Choice[] {
  const parsed = z.object({ choices: z.array(choice) }).safeParse(body);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw unsuitable(
      `The answer of the server does not fit: ${path.join('.') || 'body'}: ${message}.`,
      where,
    );
  }
  const choices = parsed.data.choices.sort((a, b) => a.index - b.index);
  if (choices.length === count && choices.every(({ index }, i) => index === i)) return choices;
  throw unsuitable(`The server gave ${choices.length} choices for ${count} prompts.`, where);
}

function unsuitable(message: string, where: string): MoepressError {
  return new MoepressError('SERVER_UNSUITABLE', { message, where });
}
