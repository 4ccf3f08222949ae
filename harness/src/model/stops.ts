import type { Tokenizer } from '@moepress/core';
import { lstrip } from '../python/text.js';

/** The stop strings of a request, and end-of-text as the tokenizer spells it. */
export function stopSequences(until: readonly string[], endOfText: string | null): string[] {
  return [...new Set(endOfText ? [...until, endOfText] : until)];
}

/**
 * Tells whether generation may end: a stop occurs in the last tokens, as many as the stop itself has
 * and two more, so that the check costs the same however long the text is.
 */
export function stopDetector(tokenizer: Tokenizer, stops: readonly string[]) {
  const byTokens = new Map<number, string[]>();
  for (const text of stops) {
    const tokens = tokenizer.encode(text, { addSpecialTokens: false }).length + 2;
    byTokens.set(tokens, [...(byTokens.get(tokens) ?? []), text]);
  }
  const watched = [...byTokens];
  return (newIds: readonly number[]): boolean =>
    watched.some(([tokens, texts]) => {
      const end = tokenizer.decode(newIds.slice(-tokens), { skipSpecialTokens: false });
      return texts.some((text) => end.includes(text));
    });
}

/**
 * The part of a text that counts as the answer: what follows the end of the model's thinking, if it has one, up to
 * the first occurrence of each stop in turn.
 */
export function cutAnswer(text: string, stops: readonly string[], thinkEndToken: string | null): string {
  const answer = thinkEndToken ? lstrip(text.split(thinkEndToken).at(-1)!) : text;
  return stops.reduce((kept, stop) => (stop === '' ? kept : kept.split(stop)[0]!), answer);
}
