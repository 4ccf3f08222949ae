/** One sequence a document, cut at `longest` tokens; documents without tokens give none. */
export function* separateSequences(
  documents: Iterable<readonly number[]>,
  longest: number,
): Generator<readonly number[]> {
  for (const ids of documents) if (ids.length > 0) yield ids.slice(0, longest);
}

/**
 * Documents end to end, `separator` (the end-of-text token) after each if there is one, cut into
 * sequences of exactly `length` tokens; a shorter rest is left out. Reads no document before it is needed.
 */
export function* packedSequences(
  documents: Iterable<readonly number[]>,
  separator: number | null,
  length: number,
): Generator<readonly number[]> {
  let open: number[] = [];
  for (const ids of documents) {
    const stream = separator === null ? ids : [...ids, separator];
    for (let start = 0; start < stream.length; ) {
      const end = start + length - open.length;
      open.push(...stream.slice(start, end));
      start = end;
      if (open.length < length) continue;
      yield open;
      open = [];
    }
  }
}
