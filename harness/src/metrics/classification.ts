/** Metrics of predicted classes over all documents. */
import { sum } from './statistics.js';

/** The class of a document and the predicted one, and how many documents have just these. */
export interface ClassCount {
  readonly gold: number;
  readonly predicted: number;
  readonly count: number;
}

const countOf = (counts: readonly ClassCount[]): number => sum(counts.map(({ count }) => count));

/**
 * F1 of class 1, as `sklearn.metrics.f1_score` computes it for two classes; 0 where there is none of it, NaN for more
 * than two classes, which it refuses.
 */
export function f1Score(counts: readonly ClassCount[]): number {
  const met = counts.filter(({ count }) => count > 0);
  if (new Set(met.flatMap(({ gold, predicted }) => [gold, predicted])).size > 2) return Number.NaN;
  const right = countOf(met.filter(({ gold, predicted }) => gold === 1 && predicted === 1));
  const golds = countOf(met.filter(({ gold }) => gold === 1));
  const all = golds + countOf(met.filter(({ predicted }) => predicted === 1));
  return all === 0 ? 0 : (2 * right) / all;
}

/** Matthews' correlation of any number of classes (Gorodkin, 2004), as `sklearn.metrics.matthews_corrcoef` computes it. */
export function matthews(counts: readonly ClassCount[]): number {
  const classes = [...new Set(counts.flatMap(({ gold, predicted }) => [gold, predicted]))];
  const ofSide = (side: 'gold' | 'predicted') =>
    classes.map((one) => countOf(counts.filter((cell) => cell[side] === one)));
  const [golds, predicted] = [ofSide('gold'), ofSide('predicted')];
  const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((value, i) => value * b[i]!));
  const right = countOf(counts.filter((cell) => cell.gold === cell.predicted));
  const all = countOf(counts);
  const [spreadOfPredicted, spreadOfGold] = [
    all ** 2 - dot(predicted, predicted),
    all ** 2 - dot(golds, golds),
  ];
  if (spreadOfPredicted * spreadOfGold === 0) return 0;
  return (right * all - dot(golds, predicted)) / Math.sqrt(spreadOfGold * spreadOfPredicted);
}

/** The squared distance of predicted probabilities from the truth (Brier, 1950), for one document. */
export function brierScore(gold: number, probabilities: readonly number[]): number {
  return sum(probabilities.map((p, i) => (p - (i === gold ? 1 : 0)) ** 2));
}

/** Probabilities in proportion to e to the power of each value. */
export function softmax(values: readonly number[]): number[] {
  const most = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - most));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}
