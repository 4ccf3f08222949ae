import { mcnemar, pairedBootstrap } from '@moepress/harness';
import { averaged, type Metric } from '../metric.js';
import type { DocumentScores, ScoresByTask } from './document-scores.js';

/** Level of the tests. */
const level = 0.05;
/** Standard normal quantile of it, two-sided. */
const quantile = 1.959963984540054;
/** Fewer documents than this tell too little for a normal distribution of their mean. */
const fewest = 10;

const resampling = { seed: 1234, resamples: 2000 };

/**
 * Whether the first model is significantly better than the second on the documents that both were asked: by McNemar's
 * test (mid-p) where each is right or wrong, else by resampling the documents' differences. A document's score is larger
 * where it is better, of perplexities its log-likelihood.
 */
export function isBetter(first: DocumentScores | undefined, second: DocumentScores | undefined): boolean {
  const pairs = paired(first, second);
  const differences = pairs.map(([a, b]) => a - b);
  if (differences.reduce((sum, one) => sum + one, 0) <= 0) return false;
  if (pairs.every((pair) => pair.every((score) => score === 0 || score === 1))) {
    const [onlyFirst, onlySecond] = [1, -1].map((sign) => differences.filter((one) => one === sign).length);
    return mcnemar(onlyFirst!, onlySecond!).midP < level;
  }
  return pairs.length >= fewest && pairedBootstrap(differences, resampling).p < level;
}

/**
 * The same for the average over tasks, whose documents are independent of those of another task: the variance of the
 * mean of differences is the sum of each task's variance over its documents, divided by the squared number of tasks.
 */
export function isBetterOnAverage(
  first: ScoresByTask,
  second: ScoresByTask,
  metrics: readonly Metric[],
): boolean {
  const tasks = averaged(metrics).map(({ task }) =>
    paired(first.get(task), second.get(task)).map(([a, b]) => a - b),
  );
  if (tasks.length === 0 || tasks.some((differences) => differences.length < fewest)) return false;
  const moments = tasks.map(meanAndVariance);
  const mean = moments.reduce((sum, one) => sum + one.mean, 0) / tasks.length;
  const variance = moments.reduce((sum, one) => sum + one.ofMean, 0) / tasks.length ** 2;
  return mean > quantile * Math.sqrt(variance);
}

function meanAndVariance(values: readonly number[]): { readonly mean: number; readonly ofMean: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, ofMean: squares / (values.length - 1) / values.length };
}

function paired(first: DocumentScores | undefined, second: DocumentScores | undefined): [number, number][] {
  if (!first || !second) return [];
  return [...first].flatMap(([document, score]): [number, number][] => {
    const other = second.get(document);
    return other === undefined ? [] : [[score, other]];
  });
}
