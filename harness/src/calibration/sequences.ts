import type { TokenRange, TokenSequence } from '@moepress/core';

/** A document or sequence, and the answers in it where only these count. */
interface WithAnswers extends TokenSequence {
  readonly answers: readonly TokenRange[];
}

type MayHaveAnswers = TokenSequence & Partial<WithAnswers>;

/** One sequence a document, cut at `longest` tokens; documents without tokens give none. */
export async function* separateSequences(
  documents: AsyncIterable<MayHaveAnswers>,
  longest: number,
): AsyncGenerator<WithAnswers> {
  for await (const { ids, from, answers = [] } of documents) {
    if (ids.length === 0) continue;
    const within = answers
      .map(([begin, end]): TokenRange => [begin, Math.min(end, longest)])
      .filter(([begin, end]) => begin < end);
    yield { ids: ids.slice(0, longest), from, answers: within };
  }
}

/**
 * Documents packed one after the other, with `separator` (the end-of-text token), if there is one, after each, cut
 * into sequences of exactly `length` tokens; a shorter remainder is left out. No document is read before it is
 * needed.
 */
export async function* packedSequences(
  documents: AsyncIterable<Pick<TokenSequence, 'ids'>>,
  separator: number | null,
  length: number,
): AsyncGenerator<WithAnswers> {
  let open: number[] = [];
  for await (const { ids } of documents) {
    const stream = separator === null ? ids : [...ids, separator];
    for (let start = 0; start < stream.length; ) {
      const end = start + length - open.length;
      open.push(...stream.slice(start, end));
      start = end;
      if (open.length < length) continue;
      yield { ids: open, from: 1, answers: [] };
      open = [];
    }
  }
}
