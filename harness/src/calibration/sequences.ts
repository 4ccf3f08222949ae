import type { TrainingSequence } from '@moepress/core';

/** One sequence a document, cut at `longest` tokens; documents without tokens give none. */
export function* separateSequences(
  documents: Iterable<TrainingSequence>,
  longest: number,
): Generator<TrainingSequence> {
  for (const { ids, from } of documents) if (ids.length > 0) yield { ids: ids.slice(0, longest), from };
}

/**
 * Documents end to end, `separator` (the end-of-text token) after each if there is one, cut into
 * sequences of exactly `length` tokens; a shorter rest is left out. Reads no document before it is needed.
 */
export function* packedSequences(
  documents: Iterable<readonly number[]>,
  separator: number | null,
  length: number,
): Generator<TrainingSequence> {
  let open: number[] = [];
  for (const ids of documents) {
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
