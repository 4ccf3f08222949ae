import type { MetricName } from '../tasks/schema.js';
import { meanStderr, sum } from './statistics.js';

/** What one document contributes: a score of weight 1, or a log-likelihood and how many units it covers. */
export interface Contribution {
  readonly value: number;
  readonly weight: number;
}

export interface Metric {
  readonly higherIsBetter: boolean;
  /** From the weighted mean of the contributions to the number that is reported. */
  readonly report: (mean: number) => number;
  /** Whether documents weigh the same, so that the mean has a standard error. */
  readonly hasStderr: boolean;
}

const score: Metric = { higherIsBetter: true, report: (mean) => mean, hasStderr: true };
const perplexity: Metric = { higherIsBetter: false, report: (mean) => Math.exp(-mean), hasStderr: false };

const metrics: Readonly<Record<MetricName, Metric>> = {
  acc: score,
  acc_norm: score,
  exact_match: score,
  word_perplexity: perplexity,
  byte_perplexity: perplexity,
  token_perplexity: perplexity,
  bits_per_byte: { ...perplexity, report: (mean) => -mean / Math.LN2 },
};

export function findMetric(name: MetricName): Metric {
  return metrics[name];
}

export interface Aggregate {
  readonly value: number;
  /** Null where there is no formula, or only one document. */
  readonly stderr: number | null;
}

/** Sum of values over sum of weights, reported as the metric says. */
export function aggregate(name: MetricName, contributions: readonly Contribution[]): Aggregate {
  const { report, hasStderr } = metrics[name];
  const values = contributions.map(({ value }) => value);
  const mean = sum(values) / sum(contributions.map(({ weight }) => weight));
  return { value: report(mean), stderr: hasStderr ? meanStderr(values) : null };
}
