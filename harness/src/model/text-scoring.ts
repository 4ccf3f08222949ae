import type { TokenSequence } from '@moepress/core';
import { MoepressError, shown, type Tokenizer, throwIfAborted, type Work } from '@moepress/core';
import type { Cuts } from './context-window.js';
import { rollingWindows, truncatePair } from './context-window.js';
import { type EncodedPair, type Encoding, encode, encodePairs, prefixToken } from './encode.js';
import type { ComparedScore, LanguageModel, TokenEngine } from './language-model.js';
import { inOrder, longestFirst } from './request-order.js';

/** Scores text with a model on ids: encodes, cuts and orders as lm-evaluation-harness does. */
export function textScoring(
  encoding: Encoding,
  scorer: Pick<TokenEngine, 'maxLength' | 'score'>,
  cuts: Cuts,
): Pick<LanguageModel, 'loglikelihood' | 'loglikelihoodRolling'> {
  const { tokenizer } = encoding;
  const score = (items: readonly TokenSequence[], work?: Work): Promise<ComparedScore[]> => {
    const order = longestFirst(items.map(({ ids }) => ids));
    return inOrder(items, order, (sorted) => scorer.score(sorted, work));
  };

  return {
    async loglikelihood(requests, work) {
      const pairs = await encodePairs(encoding, requests, work?.signal);
      throwIfAborted(work?.signal);
      const items = requests.map(({ continuation }, i) => {
        const pair = scorablePair(tokenizer, pairs[i]!, continuation);
        const cut = truncatePair(pair, scorer.maxLength);
        cuts.note(pair.context.length + pair.continuation.length, cut.ids.length);
        return cut;
      });
      return score(items, work);
    },

    async loglikelihoodRolling(texts, work) {
      const prefix = prefixToken(tokenizer);
      // As the reference does: a text that the tokenizer itself begins with a BOS has two, the second one scored.
      const encoded = await encode(encoding, texts, work?.signal);
      const windows = encoded.map((ids) => rollingWindows(ids, prefix, scorer.maxLength));
      const all = windows.flat();
      const scores = await score(all, work);
      const scoreOf = new Map(all.map((window, i) => [window, scores[i]!]));
      return windows.map((ofText) => {
        const movement = ofText.flatMap((window) => scoreOf.get(window)!.movement ?? []);
        return {
          logprob: ofText.reduce((sum, window) => sum + scoreOf.get(window)!.logprob, 0),
          tokens: ofText.reduce((sum, { ids, from }) => sum + ids.length - from, 0),
          ...(movement.length > 0 && { movement }),
        };
      });
    },
  };
}

/** An encoded pair with at least one id on either side. */
function scorablePair(tokenizer: Tokenizer, pair: EncodedPair, continuation: string): EncodedPair {
  if (pair.continuation.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: `The continuation ${shown(continuation)} adds no token to its context.`,
      hint: 'The task does not suit this tokenizer: leave it out.',
    });
  }
  // If the context was only whitespace it is empty now: the text is then conditioned on the prefix token.
  return pair.context.length > 0 ? pair : { ...pair, context: [prefixToken(tokenizer)] };
}
