import type { Cell } from './cell.js';

/** What is shown of a task: one number. */
export interface Metric {
  readonly task: string;
  /** `metric,filter` as in results files. */
  readonly key: string;
  readonly higherIsBetter: boolean;
}

/** Tasks whose answers differ in length: papers give the accuracy by log-likelihood per character. */
const normalised = new Set(['arc_easy', 'arc_challenge', 'hellaswag', 'openbookqa']);

const preferred = [
  'exact_match,strict-match',
  'exact_match,flexible-extract',
  'acc,none',
  'word_perplexity,none',
  'token_perplexity,none',
];

/** One metric for each task that was asked, as the papers of the field choose them. */
export function metricsOf(cells: readonly Pick<Cell, 'scores'>[]): Metric[] {
  const tasks = new Map(cells.flatMap(({ scores }) => Object.entries(scores)));
  return [...tasks].flatMap(([task, scores]): Metric[] => {
    const wanted = normalised.has(task) ? ['acc_norm,none', ...preferred] : preferred;
    const key = [...wanted, ...Object.keys(scores)].find((name) => name in scores);
    return key === undefined ? [] : [{ task, key, higherIsBetter: !key.includes('perplexity') }];
  });
}

/** Mean over the metrics that are accuracies; null where one is missing or there is none. */
export function average({ scores }: Pick<Cell, 'scores'>, metrics: readonly Metric[]): number | null {
  const values = metrics
    .filter(({ higherIsBetter }) => higherIsBetter)
    .map(({ task, key }) => scores[task]?.[key]);
  if (values.length === 0 || values.includes(undefined)) return null;
  return values.reduce<number>((sum, value) => sum + value!, 0) / values.length;
}
