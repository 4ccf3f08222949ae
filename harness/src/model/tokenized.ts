import { MoepressError, type Tokenizer, throwIfAborted, type Work } from '@moepress/core';
import { type EncodedPair, type Encoding, encode, encodePair, prefixToken } from './encode.js';
import type { TokenEngine } from './engine.js';
import type { LanguageModel, PairScore, Prompt } from './language-model.js';
import { inOrder, longestFirst } from './order.js';
import { cutAnswer, stopDetector, stopSequences } from './stops.js';
import { rollingWindows, type ScoredIds, truncatePair, truncatePrompt } from './windows.js';

export interface TokenizedModelOptions {
  readonly tokenizer: Tokenizer;
  readonly engine: TokenEngine;
  readonly name: string;
  /** null (default): as the tokenizer does by itself; true: always a BOS; false: no special tokens. */
  readonly addBos?: boolean | null;
  /** Tokens that end generation; the tokenizer's end-of-text by default. */
  readonly eosTokenIds?: readonly number[];
  /** Where the model's thinking ends, for example `</think>`; only what follows is the answer. */
  readonly thinkEndToken?: string | null;
}

/**
 * A model that scores and generates ids, asked in text, by the rules of lm-evaluation-harness' Hugging
 * Face backend: how pairs are encoded, cut, ordered and, after generation, decoded.
 */
export function tokenizedLanguageModel(options: TokenizedModelOptions): LanguageModel {
  const { tokenizer, engine, addBos = null, thinkEndToken = null } = options;
  const encoding: Encoding = { tokenizer, addBos };
  const endOfText = tokenizer.eosTokenId;
  const eosTokenIds = options.eosTokenIds ?? (endOfText === null ? [] : [endOfText]);
  const eosText = endOfText === null ? null : tokenizer.decode([endOfText], { skipSpecialTokens: false });

  const score = (items: readonly ScoredIds[], work?: Work): Promise<PairScore[]> => {
    const order = longestFirst(items.map(({ ids }) => ids));
    return inOrder(items, order, (sorted) => engine.score(sorted, work));
  };

  const generate = async (prompts: readonly Prompt[], work?: Work): Promise<string[]> => {
    const { until, maxGenTokens } = prompts[0]!;
    const ids = prompts.map(({ context }) =>
      truncatePrompt(encode(encoding, context), engine.maxLength, maxGenTokens),
    );
    const stops = stopSequences(until, eosText);
    const stop = stopDetector(tokenizer, stops);
    const generated = await inOrder(ids, longestFirst(ids), (sorted) =>
      engine.generate(sorted, { ...work, maxNewTokens: maxGenTokens, stop, eosTokenIds }),
    );
    return generated.map((newIds) => cutAnswer(tokenizer.decode(newIds), stops, thinkEndToken));
  };

  return {
    name: options.name,
    settings: { add_bos_token: addBos, max_length: engine.maxLength },

    loglikelihood(requests, work) {
      const items = requests.map(({ context, continuation }) => {
        throwIfAborted(work?.signal);
        return truncatePair(scorablePair(encoding, context, continuation), engine.maxLength);
      });
      return score(items, work);
    },

    async loglikelihoodRolling(texts, work) {
      const prefix = prefixToken(tokenizer);
      const windows = texts.map((text) =>
        rollingWindows(tokenizer.encode(text, { addSpecialTokens: false }), prefix, engine.maxLength),
      );
      const scores = await score(windows.flat(), work);
      let next = 0;
      return windows.map((ofText) => ({
        logprob: ofText.reduce((sum) => sum + scores[next++]!.logprob, 0),
        tokens: ofText.reduce((sum, { ids, from }) => sum + ids.length - from, 0),
      }));
    },

    async generateUntil(requests, work) {
      const answers = new Array<string>(requests.length);
      for (const indexes of groupsOf(requests.map(generationKey))) {
        const texts = await generate(
          indexes.map((index) => requests[index]!),
          work,
        );
        indexes.forEach((index, position) => {
          answers[index] = texts[position]!;
        });
      }
      return answers;
    },
  };
}

/** An encoded pair with at least one id on either side. */
function scorablePair(encoding: Encoding, context: string, continuation: string): EncodedPair {
  const pair = encodePair(encoding, context, continuation);
  if (pair.continuation.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: `The continuation ${JSON.stringify(continuation)} has no token of its own after its context.`,
      mend: 'The task does not suit this tokenizer: leave it out.',
    });
  }
  // A context of blanks alone gave them all away; something must still predict the first token.
  return pair.context.length > 0 ? pair : { ...pair, context: [prefixToken(encoding.tokenizer)] };
}

/** Prompts with equal stops and length are generated together. */
function generationKey({ until, maxGenTokens }: Prompt): string {
  return JSON.stringify([until, maxGenTokens]);
}

/** Indexes of equal keys, in order of first appearance. */
function groupsOf(keys: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => {
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  });
  return [...groups.values()];
}
