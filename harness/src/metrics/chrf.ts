import { type CorpusMetric, commonCount, ngramCounts, totalOf, wordsOf } from './ngrams.js';

const characterOrder = 6;

/** How much more recall counts than precision. */
const beta = 2;

const punctuation = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/** Words, of which a sign at the end, else one at the beginning, is parted. */
function partedWords(text: string): string[] {
  return wordsOf(text).flatMap((word) => {
    const characters = [...word];
    if (characters.length === 1) return [word];
    const [first, last] = [characters[0]!, characters.at(-1)!];
    if (punctuation.has(last)) return [characters.slice(0, -1).join(''), last];
    return punctuation.has(first) ? [first, characters.slice(1).join('')] : [word];
  });
}

/**
 * chrF (Popović, 2015) with up to six characters, and with up to `wordOrder` words chrF++ (Popović, 2017), as sacrebleu
 * computes it by default: `sacrebleu.corpus_chrf`. Counts for each order: runs of the prediction, of the reference, of both.
 */
export function chrf(wordOrder: number): CorpusMetric {
  const gramsOf = (text: string) => {
    const characters = [...wordsOf(text).join('')];
    const words = wordOrder > 0 ? partedWords(text) : [];
    return [
      ...Array.from({ length: characterOrder }, (_, i) => ngramCounts(characters, i + 1, '')),
      ...Array.from({ length: wordOrder }, (_, i) => ngramCounts(words, i + 1)),
    ];
  };
  return {
    statistics(reference, prediction) {
      const gold = gramsOf(reference);
      return gramsOf(prediction).flatMap((counts, i) => [
        // Runs count for nothing where the reference has none of their length.
        gold[i]!.size > 0 ? totalOf(counts) : 0,
        totalOf(gold[i]!),
        commonCount(counts, gold[i]!),
      ]);
    },
    score(counts) {
      let [precision, recall, orders] = [0, 0, 0];
      for (let i = 0; i < counts.length; i += 3) {
        const [given, gold, common] = counts.slice(i, i + 3) as [number, number, number];
        if (given === 0 || gold === 0) continue;
        precision += common / given;
        recall += common / gold;
        orders++;
      }
      if (orders === 0) return 0;
      precision /= orders;
      recall /= orders;
      if (precision + recall === 0) return 0;
      const factor = beta ** 2;
      return (100 * ((1 + factor) * precision * recall)) / (factor * precision + recall);
    },
  };
}
