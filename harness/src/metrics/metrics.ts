import { pythonRegex } from '../python/regex.js';
import { codePointLength, utf8Length } from '../python/text.js';
import {
  type AggregationName,
  type ExactMatch,
  type MetricName,
  type PassName,
  passNames,
} from '../tasks/metric-schema.js';
import { argmax } from './statistics.js';

interface MetricFacts {
  readonly higherIsBetter: boolean;
  readonly aggregation: AggregationName;
}

const score: MetricFacts = { higherIsBetter: true, aggregation: 'mean' };
const perplexity: MetricFacts = { higherIsBetter: false, aggregation: 'weighted_perplexity' };

/** The metrics of lm-evaluation-harness 0.4.13 (api/metrics.py), `token_perplexity` and pass@k. */
const facts: Readonly<Record<MetricName, MetricFacts>> = {
  acc: score,
  acc_norm: score,
  acc_bytes: score,
  acc_mutual_info: score,
  exact_match: score,
  f1: { higherIsBetter: true, aggregation: 'f1' },
  mcc: { higherIsBetter: true, aggregation: 'matthews_corrcoef' },
  brier_score: { higherIsBetter: false, aggregation: 'brier_score' },
  bleu: { higherIsBetter: true, aggregation: 'bleu' },
  chrf: { higherIsBetter: true, aggregation: 'chrf' },
  'chrf++': { higherIsBetter: true, aggregation: 'chrf++' },
  ter: { higherIsBetter: false, aggregation: 'ter' },
  perplexity: { higherIsBetter: false, aggregation: 'perplexity' },
  word_perplexity: perplexity,
  byte_perplexity: perplexity,
  token_perplexity: perplexity,
  bits_per_byte: { higherIsBetter: false, aggregation: 'bits_per_byte' },
  bypass: { higherIsBetter: true, aggregation: 'bypass' },
  ...(Object.fromEntries(passNames.map((name) => [name, score])) as Record<PassName, MetricFacts>),
};

export const metricNames = Object.keys(facts) as MetricName[];

/** What a task says of a metric; the metric's own facts stand in for the rest. */
export interface ChosenMetric {
  readonly metric: MetricName;
  readonly aggregation?: AggregationName | undefined;
  readonly higher_is_better?: boolean | undefined;
}

export const higherIsBetter = ({ metric, higher_is_better }: ChosenMetric): boolean =>
  higher_is_better ?? facts[metric].higherIsBetter;

export const aggregationOf = ({ metric, aggregation }: ChosenMetric): AggregationName =>
  aggregation ?? facts[metric].aggregation;

/**
 * Which choice is the likeliest: by log-likelihood, by log-likelihood per character of the choice (Unicode code points,
 * without the delimiter before it), and per byte of UTF-8.
 */
export function likeliest(logprobs: readonly number[], choices: readonly string[]) {
  const per = (length: (text: string) => number) =>
    argmax(logprobs.map((logprob, i) => logprob / length(choices[i]!)));
  return { acc: argmax(logprobs), acc_norm: per(codePointLength), acc_bytes: per(utf8Length) };
}

/**
 * How probable it is that at least one of `k` answers is right, by `n` of which `right` are: 1 - C(n - right, k) / C(n, k),
 * without bias (Chen et al., 2021, arXiv:2107.03374). `k` is at most `n`.
 */
export function passAtK(n: number, right: number, k: number): number {
  if (n - right < k) return 1;
  let noneRight = 1;
  for (let i = n - right + 1; i <= n; i++) noneRight *= 1 - k / i;
  return 1 - noneRight;
}

const signs = /[!-/:-@[-`{-~]/g;
const digits = /[0-9]/g;

/** 1 if prediction and reference are the same text once both have been normalised, else 0. */
export function exactMatch(
  prediction: string,
  reference: string,
  options: Omit<ExactMatch, 'metric' | 'aggregation' | 'higher_is_better'>,
): number {
  const patterns = (options.regexes_to_ignore ?? []).map(pythonRegex);
  const normalise = (text: string) => {
    const kept = patterns.reduce((rest, pattern) => rest.replaceAll(pattern, ''), text);
    const cased = options.ignore_case ? kept.toLowerCase() : kept;
    const unsigned = options.ignore_punctuation ? cased.replaceAll(signs, '') : cased;
    return options.ignore_numbers ? unsigned.replaceAll(digits, '') : unsigned;
  };
  return normalise(prediction) === normalise(reference) ? 1 : 0;
}

const blanks = pythonRegex('\\s+');

/** Pieces between runs of whitespace; blanks at either end count an empty piece, as `re.split` gives it. */
export function countWords(text: string): number {
  return text.split(blanks).length;
}

export const countBytes = utf8Length;
