/** Cuts a text where added tokens stand; they and what is between them are the pieces. */
export interface Splitter {
  split(text: string): string[];
}

type Trie = Map<string, Trie> & { end?: string };

/** A letter, mark, digit or joining punctuation, as Oniguruma's \\w has them. */
const wordAtStart = /^[\p{L}\p{M}\p{N}\p{Pc}]/u;
const wordAtEnd = /[\p{L}\p{M}\p{N}\p{Pc}]$/u;

/**
 * Finds the longest token at each place from the left, as the tokenizers library does; one of `singleWords` counts only
 * where no word reaches into it from either side.
 */
export function tokenSplitter(tokens: readonly string[], singleWords: ReadonlySet<string>): Splitter {
  const root: Trie = new Map();
  for (const token of tokens) {
    let node = root;
    for (let i = 0; i < token.length; i++) {
      const child: Trie = node.get(token[i]!) ?? new Map();
      node.set(token[i]!, child);
      node = child;
    }
    node.end = token;
  }
  return {
    split(text) {
      const pieces: string[] = [];
      let start = 0;
      for (let at = 0; at < text.length; ) {
        const match = longest(root, text, at);
        if (match === undefined) {
          at++;
          continue;
        }
        const end = at + match.length;
        const isInside =
          singleWords.has(match) &&
          (wordAtEnd.test(before(text, at)) || wordAtStart.test(text.slice(end, end + 2)));
        if (!isInside) {
          if (at > start) pieces.push(text.slice(start, at));
          pieces.push(match);
          start = end;
        }
        at = end;
      }
      if (start < text.length) pieces.push(text.slice(start));
      return pieces;
    },
  };
}

/** The character before a place, which may be two units of UTF-16. */
const before = (text: string, at: number) => text.slice(Math.max(0, at - 2), at);

function longest(root: Trie, text: string, at: number): string | undefined {
  let match: string | undefined;
  let node: Trie | undefined = root;
  for (let i = at; i < text.length; i++) {
    node = node.get(text[i]!);
    if (node === undefined) break;
    match = node.end ?? match;
  }
  return match;
}
