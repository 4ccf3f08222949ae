import type { Tokenizer } from '@moepress/core';
import type { TokenScore } from '@moepress/runtime';

/** `logprobs` of a completion: one entry a token. */
export interface Logprobs {
  readonly tokens: readonly string[];
  /** Null for a first token, which nothing predicts. */
  readonly token_logprobs: readonly (number | null)[];
  /** The token itself and the likeliest one by their text. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  /** Where each token starts in the text, in UTF-16 units. */
  readonly text_offset: readonly number[];
}

/** `scores`: of each id, null where there is none. */
export function logprobsOf(
  tokenizer: Tokenizer,
  ids: readonly number[],
  scores: readonly (TokenScore | null)[],
): Logprobs {
  const textOf = (id: number) => tokenizer.decode([id], { skipSpecialTokens: false });
  const tokens = ids.map(textOf);
  let end = 0;
  return {
    tokens,
    token_logprobs: scores.map((score) => score?.logprob ?? null),
    // The likeliest last: where two tokens have one text, its entry must stand, or the other looks greedy.
    top_logprobs: scores.map(
      (score, i) => score && { [tokens[i]!]: score.logprob, [textOf(score.best)]: score.bestLogprob },
    ),
    text_offset: tokens.map((token) => {
      const start = end;
      end += token.length;
      return start;
    }),
  };
}

/** `logprobs` of a chat's answer. */
export interface ChatLogprobs {
  readonly content: readonly (ChatToken & { readonly top_logprobs: readonly ChatToken[] })[];
}

interface ChatToken {
  readonly token: string;
  readonly logprob: number;
  /** Of the token in UTF-8; null where it is part of a character. */
  readonly bytes: readonly number[] | null;
}

/** `withTop`: with the likeliest token beside each. */
export function chatLogprobsOf(
  tokenizer: Tokenizer,
  ids: readonly number[],
  scores: readonly TokenScore[],
  withTop: boolean,
): ChatLogprobs {
  const tokenOf = (id: number, logprob: number): ChatToken => {
    const token = tokenizer.decode([id], { skipSpecialTokens: false });
    return { token, logprob, bytes: token.includes('\ufffd') ? null : [...Buffer.from(token)] };
  };
  return {
    content: ids.map((id, i) => {
      const { logprob, best, bestLogprob } = scores[i]!;
      return { ...tokenOf(id, logprob), top_logprobs: withTop ? [tokenOf(best, bestLogprob)] : [] };
    }),
  };
}
