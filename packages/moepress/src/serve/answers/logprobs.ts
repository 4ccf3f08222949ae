import type { ScoredToken } from '../../sampling/likelihoods.js';
import type { Texts } from '../texts.js';

/** `logprobs` of a completion: one entry a token. */
export interface Logprobs {
  readonly tokens: readonly string[];
  /** Null for a first token, which nothing predicts. */
  readonly token_logprobs: readonly (number | null)[];
  /** The token itself and the likeliest ones by their text. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  /** Where each token starts in the text, in UTF-16 units. */
  readonly text_offset: readonly number[];
}

/** A token, and what is known of its likelihood. */
export type ShownToken = ScoredToken | { readonly id: number; readonly logprob: null };

/** The text of tokens by their ids, each by itself. */
async function textsOf(texts: Texts, tokens: readonly ShownToken[]): Promise<ReadonlyMap<number, string>> {
  const ids = new Set(tokens.flatMap((token) => [token.id, ...topOf(token).map(({ id }) => id)]));
  const read = async (id: number) => [id, await texts.decode([id], { skipSpecialTokens: false })] as const;
  return new Map(await Promise.all([...ids].map(read)));
}

const topOf = (token: ShownToken) => (token.logprob === null ? [] : token.top);

/** `offset`: where the first of the tokens starts. */
export async function logprobsOf(texts: Texts, tokens: readonly ShownToken[], offset = 0): Promise<Logprobs> {
  const textOf = await textsOf(texts, tokens);
  let end = offset;
  return {
    tokens: tokens.map(({ id }) => textOf.get(id)!),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map((token) => {
      if (token.logprob === null) return null;
      // The likeliest last: where two tokens have one text, its entry must stand, or the other looks greedy.
      const listed = [...token.top].reverse();
      return Object.fromEntries([token, ...listed].map(({ id, logprob }) => [textOf.get(id)!, logprob]));
    }),
    text_offset: tokens.map(({ id }) => {
      const start = end;
      end += textOf.get(id)!.length;
      return start;
    }),
  };
}

/** `logprobs` of a chat's answer. */
export interface ChatLogprobs {
  readonly content: readonly (ChatToken & { readonly top_logprobs: readonly ChatToken[] })[];
  readonly refusal: null;
}

interface ChatToken {
  readonly token: string;
  readonly logprob: number;
  /** Bytes of the token in UTF-8; null where it is part of a character. */
  readonly bytes: readonly number[] | null;
}

export async function chatLogprobsOf(texts: Texts, tokens: readonly ScoredToken[]): Promise<ChatLogprobs> {
  const textOf = await textsOf(texts, tokens);
  const entry = ({ id, logprob }: { readonly id: number; readonly logprob: number }): ChatToken => {
    const token = textOf.get(id)!;
    return { token, logprob, bytes: token.includes('\ufffd') ? null : [...Buffer.from(token)] };
  };
  return {
    content: tokens.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) })),
    refusal: null,
  };
}
