import { rstrip } from '../python/text.js';
import { EditDistance, inverted } from './edit-distance.js';
import { type CorpusMetric, wordsOf } from './ngrams.js';

/** Bounds of the search for shifts, those of Tercom. */
const most = { length: 10, distance: 50, candidates: 1000 };

interface Shifted {
  /** How it is ranked: edits it saves, its length, earlier places first. */
  readonly rank: readonly number[];
  readonly words: readonly string[];
}

/**
 * Translation edit rate (Snover et al., 2006): edits, a shift of several words being one, over words of the reference, in
 * per cent, with the search for shifts of Tercom, as sacrebleu computes it by default: `sacrebleu.corpus_ter`. Counts:
 * edits and words of the reference.
 */
export const ter: CorpusMetric = {
  statistics(reference, prediction) {
    const words = (text: string) => wordsOf(rstrip(text).toLowerCase());
    const gold = words(reference);
    return [edits(words(prediction), gold), gold.length];
  },
  score([edited = 0, words = 0]) {
    if (words > 0) return (100 * edited) / words;
    return edited > 0 ? 100 : 0;
  },
};

function edits(given: readonly string[], gold: readonly string[]): number {
  if (gold.length === 0) return given.length;
  const distance = new EditDistance(gold);
  let words = given;
  let shifts = 0;
  const tried = { count: 0 };
  for (;;) {
    const best = bestShift(words, gold, distance, tried);
    if (tried.count >= most.candidates || best === null || best.rank[0]! <= 0) break;
    shifts++;
    words = best.words;
  }
  return shifts + distance.to(words).edits;
}

function bestShift(
  words: readonly string[],
  gold: readonly string[],
  distance: EditDistance,
  tried: { count: number },
): Shifted | null {
  const before = distance.to(words);
  const { aligned, wrongGold, wrongGiven } = inverted(before.trace);
  let best: Shifted | null = null;
  for (const [from, at, length] of commonRuns(words, gold)) {
    const isWrong = (marks: readonly boolean[], start: number) =>
      marks.slice(start, start + length).includes(true);
    if (!isWrong(wrongGiven, from) || !isWrong(wrongGold, at)) continue;
    // What is aligned to the run itself is in its place.
    if (from <= aligned[at]! && aligned[at]! < from + length) continue;
    let last = -1;
    for (let offset = -1; offset < length; offset++) {
      const place =
        at + offset === -1 ? 0 : aligned[at + offset] === undefined ? null : aligned[at + offset]! + 1;
      if (place === null) break;
      if (place === last) continue;
      last = place;
      const shifted = moved(words, from, length, place);
      const rank = [before.edits - distance.to(shifted).edits, length, -from, -place];
      tried.count++;
      if (best === null || isHigher(rank, shifted, best)) best = { rank, words: shifted };
    }
    if (tried.count >= most.candidates) break;
  }
  return best;
}

function isHigher(rank: readonly number[], words: readonly string[], best: Shifted): boolean {
  for (const [i, value] of rank.entries()) if (value !== best.rank[i]) return value > best.rank[i]!;
  for (const [i, word] of words.entries()) if (word !== best.words[i]) return word > best.words[i]!;
  return false;
}

/** Runs of equal words: where they begin in either list, and their length. */
function* commonRuns(
  words: readonly string[],
  gold: readonly string[],
): Generator<readonly [from: number, at: number, length: number]> {
  for (let from = 0; from < words.length; from++) {
    for (let at = 0; at < gold.length; at++) {
      if (Math.abs(at - from) > most.distance) continue;
      for (let length = 0; length < most.length && words[from + length] === gold[at + length]; ) {
        length++;
        yield [from, at, length];
        if (from + length === words.length || at + length === gold.length) break;
      }
    }
  }
}

function moved(words: readonly string[], from: number, length: number, to: number): string[] {
  const run = words.slice(from, from + length);
  const rest = [...words.slice(0, from), ...words.slice(from + length)];
  // A place behind the run counts its words; one within it is as far behind it.
  const place = to < from ? to : to > from + length ? to - length : to;
  return [...rest.slice(0, place), ...run, ...rest.slice(place)];
}
