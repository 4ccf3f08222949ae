import { pythonRegex } from '../python/regex.js';
import { codePointLength, utf8Length } from '../python/text.js';
import type { ExactMatch, MetricName } from '../tasks/task-schema.js';
import { argmax, meanStderr, sum } from './statistics.js';

/** What one document contributes: a score of weight 1, or a log-likelihood and how many units it covers. */
export interface Contribution {
  readonly value: number;
  readonly weight: number;
}

export interface Metric {
  readonly higherIsBetter: boolean;
  /** Computes the reported number from the weighted mean of the contributions. */
  readonly report: (mean: number) => number;
  /** Whether all documents have the same weight, so that the mean has a standard error. */
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

/**
 * Whether the likeliest choice is the right one: `acc` by log-likelihood, `acc_norm` by log-likelihood
 * per character of the choice (Unicode code points, without the delimiter before it).
 */
export function choiceScores(logprobs: readonly number[], choices: readonly string[], gold: number) {
  const perCharacter = logprobs.map((logprob, i) => logprob / codePointLength(choices[i]!));
  return {
    acc: argmax(logprobs) === gold ? 1 : 0,
    acc_norm: argmax(perCharacter) === gold ? 1 : 0,
  };
}

/** 1 if prediction and reference are the same text once both have been normalised, else 0. */
export function exactMatch(
  prediction: string,
  reference: string,
  options: Pick<ExactMatch, 'regexes_to_ignore' | 'ignore_case'>,
): number {
  const patterns = options.regexes_to_ignore.map(pythonRegex);
  const normalise = (text: string) => {
    const kept = patterns.reduce((rest, pattern) => rest.replaceAll(pattern, ''), text);
    return options.ignore_case ? kept.toLowerCase() : kept;
  };
  return normalise(prediction) === normalise(reference) ? 1 : 0;
}

const blanks = pythonRegex('\\s+');

/** Pieces between runs of whitespace; blanks at either end count an empty piece, as `re.split` gives it. */
export function countWords(text: string): number {
  return text.split(blanks).length;
}

export const countBytes = utf8Length;
