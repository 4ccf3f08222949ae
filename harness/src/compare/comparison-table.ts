import { markdownTable } from '../results/markdown.js';
import type { Comparison } from './compare-samples.js';

const headers = [
  'Tasks',
  'Filter',
  'Metric',
  'n',
  'First',
  'Second',
  'Difference',
  '95 % from',
  'to',
  'by',
  'only 1st',
  'only 2nd',
  'p (mid-p)',
  'Detectable',
];

/**
 * Comparisons as a Markdown table; the detectable difference is shown as "none" where no difference could be
 * detected.
 */
export function renderComparisons(comparisons: readonly Comparison[]): string {
  return markdownTable(
    headers,
    comparisons.map((row) => [
      row.pooled === null ? row.task : `${row.task} (${row.pooled} tasks)`,
      row.filter,
      row.metric,
      row.items,
      row.first,
      row.second,
      row.difference,
      row.interval.low,
      row.interval.high,
      row.interval.method,
      row.onlyFirst,
      row.onlySecond,
      probability(row.mcnemar.midP),
      row.detectable ?? 'none',
    ]),
  );
}

/** A probability that would be rounded to 0 is small and not nothing. */
const probability = (p: number): string | number => (p < 0.00005 ? '<0.0001' : p);
