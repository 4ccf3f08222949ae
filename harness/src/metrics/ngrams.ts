import { pythonSpace } from '../python/text.js';

/** A metric of a whole corpus that is computed from sums over its segments. */
export interface CorpusMetric {
  /** Counts of one segment, always as many. */
  statistics(reference: string, prediction: string): number[];
  /** The score, of counts that were added up. */
  score(counts: readonly number[]): number;
}

const blanks = new RegExp(`[${pythonSpace}]+`);

/** `text.split()`: the words of a text. */
export const wordsOf = (text: string): string[] => text.split(blanks).filter((word) => word !== '');

/** How often each run of `order` items comes. */
export function ngramCounts(items: readonly string[], order: number, between = ' '): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at + order <= items.length; at++) {
    const gram = items.slice(at, at + order).join(between);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

export const totalOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

/** Runs that both have. */
export function commonCount(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let common = 0;
  for (const [gram, count] of a) common += Math.min(count, b.get(gram) ?? 0);
  return common;
}
