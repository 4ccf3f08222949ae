import type { Tokenizer } from '@moepress/core';
import { cutAnswer } from '@moepress/harness';
import type { TokenScore } from '@moepress/runtime';
import type { ServedEngine } from './engine.js';
import { RequestError } from './errors.js';

/** A model that answers requests. */
export interface ServedModel {
  readonly name: string;
  readonly engine: ServedEngine;
  readonly tokenizer: Tokenizer;
  readonly eosTokenIds: readonly number[];
  /** Why nothing may be generated, if so. */
  readonly refusal: string | null;
}

export interface Completion {
  readonly text: string;
  readonly newIds: readonly number[];
  readonly finishReason: 'stop' | 'length';
}

/**
 * Greedy continuations of at most `maxTokens` tokens, cut before the first stop. Throws a `RequestError` for a model
 * that cannot be generated from.
 */
export async function complete(
  { engine, tokenizer, eosTokenIds, refusal }: ServedModel,
  prompts: readonly (readonly number[])[],
  maxTokens: number,
  stops: readonly string[],
  signal: AbortSignal,
): Promise<Completion[]> {
  if (refusal !== null && maxTokens > 0) throw new RequestError(400, refusal, 'model');
  const generated =
    maxTokens === 0
      ? prompts.map(() => [])
      : await engine.generate(prompts, { maxNewTokens: maxTokens, stops, eosTokenIds }, signal);
  return generated.map((newIds) => {
    const whole = tokenizer.decode(newIds);
    const text = cutAnswer(whole, stops, null);
    const ended = text !== whole || eosTokenIds.includes(newIds.at(-1) ?? -1);
    return { text, newIds, finishReason: ended ? 'stop' : 'length' };
  });
}

/**
 * Prompts as they are with one greedy token after each, and the scores of all their tokens but the first, in
 * a single pass: what follows the last token is read off the scores of a token put there for the purpose.
 */
export async function echoOne(
  { engine }: ServedModel,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<{ readonly next: number; readonly scores: readonly TokenScore[] }[]> {
  const anything = 0;
  const items = prompts.map((ids) => ({ ids: [...ids, anything], from: 1 }));
  return (await engine.scoreTokens(items, signal)).map((scores) => {
    const { best, bestLogprob } = scores.at(-1)!;
    return { next: best, scores: scores.with(-1, { logprob: bestLogprob, best, bestLogprob }) };
  });
}
