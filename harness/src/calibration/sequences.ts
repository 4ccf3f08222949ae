import type { TokenSequence } from '@moepress/core';

/** One sequence a document, cut at `longest` tokens; documents without tokens give none. */
export async function* separateSequences(
  documents: AsyncIterable<TokenSequence>,
  longest: number,
): AsyncGenerator<TokenSequence> {
  for await (const { ids, from } of documents) if (ids.length > 0) yield { ids: ids.slice(0, longest), from };
}

/**
 * Documents packed one after the other, with `separator` (the end-of-text token), if there is one, after each, cut
 * into sequences of exactly `length` tokens; a shorter remainder is left out. No document is read before it is
 * needed.
 */
export async function* packedSequences(
  documents: AsyncIterable<readonly number[]>,
  separator: number | null,
  length: number,
): AsyncGenerator<TokenSequence> {
  let open: number[] = [];
  for await (const ids of documents) {
    const stream = separator === null ? ids : [...ids, separator];
    for (let start = 0; start < stream.length; ) {
      const end = start + length - open.length;
      open.push(...stream.slice(start, end));
      start = end;
      if (open.length < length) continue;
      yield { ids: open, from: 1 };
      open = [];
    }
  }
}
