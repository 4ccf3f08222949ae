import { rstrip } from '../python/text.js';
import { type CorpusMetric, commonCount, ngramCounts, totalOf, wordsOf } from './ngrams.js';
import { sum } from './statistics.js';

const orders = [1, 2, 3, 4] as const;

/** Signs that are words of their own, as mteval-v13a of NIST parts them. */
const partings: readonly (readonly [RegExp, string])[] = [
  [/([{-~[-` -&(-+:-@/])/g, ' $1 '],
  [/([^0-9])([.,])/gu, '$1 $2 '],
  [/([.,])([^0-9])/gu, ' $1 $2'],
  [/([0-9])(-)/g, '$1 $2 '],
];

/** The words of a segment by the tokenizer 13a, which BLEU of WMT is computed with. */
export function words13a(segment: string): string[] {
  let text = rstrip(segment).replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
  for (const [entity, sign] of [
    ['&quot;', '"'],
    ['&amp;', '&'],
    ['&lt;', '<'],
    ['&gt;', '>'],
  ] as const) {
    text = text.replaceAll(entity, sign);
  }
  return wordsOf(partings.reduce((rest, [pattern, parted]) => rest.replace(pattern, parted), ` ${text} `));
}

/**
 * BLEU (Papineni et al., 2002) with up to four words, the tokenizer 13a and exponential smoothing (Chen and Cherry, 2014,
 * method 3), as sacrebleu computes it by default: `sacrebleu.corpus_bleu`. Counts: words of prediction and reference,
 * then for each order those that match, then all of the prediction.
 */
export const bleu: CorpusMetric = {
  statistics(reference, prediction) {
    const [gold, given] = [words13a(reference), words13a(prediction)];
    const grams = orders.map((order) => ngramCounts(given, order, '\n'));
    return [
      given.length,
      gold.length,
      ...grams.map((counts, i) => commonCount(counts, ngramCounts(gold, orders[i]!, '\n'))),
      ...grams.map(totalOf),
    ];
  },
  score([given = 0, gold = 0, ...counts]) {
    const matching = counts.slice(0, orders.length);
    const all = counts.slice(orders.length);
    if (!matching.some((count) => count > 0)) return 0;
    const penalty = given < gold ? Math.exp(1 - gold / given) : 1;
    let smoothing = 1;
    const precisions = orders.map(() => 0);
    for (const [i, total] of all.entries()) {
      if (total === 0) break;
      if (matching[i] === 0) smoothing *= 2;
      precisions[i] = matching[i] === 0 ? 100 / (smoothing * total) : (100 * matching[i]!) / total;
    }
    const logarithms = precisions.map((precision) =>
      precision === 0 ? -9_999_999_999 : Math.log(precision),
    );
    return penalty * Math.exp(sum(logarithms) / orders.length);
  },
};
