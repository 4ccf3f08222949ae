/** Metrics of predicted classes over all documents. */
import { sum } from './statistics.js';

/** The class of a document and the predicted one. */
export type ClassPair = readonly [gold: number, predicted: number];

/**
 * F1 of class 1, as `sklearn.metrics.f1_score` computes it for two classes; 0 where there is none of it, NaN for more
 * than two classes, which it refuses.
 */
export function f1Score(pairs: readonly ClassPair[]): number {
  if (new Set(pairs.flat()).size > 2) return Number.NaN;
  const count = (gold: boolean, predicted: boolean) =>
    pairs.filter(([g, p]) => (g === 1) === gold && (p === 1) === predicted).length;
  const right = count(true, true);
  const all = 2 * right + count(false, true) + count(true, false);
  return all === 0 ? 0 : (2 * right) / all;
}

/** Matthews' correlation of any number of classes (Gorodkin, 2004), as `sklearn.metrics.matthews_corrcoef` computes it. */
export function matthews(pairs: readonly ClassPair[]): number {
  const classes = [...new Set(pairs.flat())];
  const counts = (side: 0 | 1) => classes.map((one) => pairs.filter((pair) => pair[side] === one).length);
  const [golds, predicted] = [counts(0), counts(1)];
  const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((value, i) => value * b[i]!));
  const right = pairs.filter(([gold, prediction]) => gold === prediction).length;
  const square = pairs.length ** 2;
  const [spreadOfPredicted, spreadOfGold] = [square - dot(predicted, predicted), square - dot(golds, golds)];
  if (spreadOfPredicted * spreadOfGold === 0) return 0;
  return (right * pairs.length - dot(golds, predicted)) / Math.sqrt(spreadOfGold * spreadOfPredicted);
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
