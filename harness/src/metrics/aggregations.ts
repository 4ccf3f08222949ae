import type { AggregationName } from '../tasks/metric-schema.js';
import { bleu } from './bleu.js';
import { bootstrapStderr } from './bootstrap.js';
import { chrf } from './chrf.js';
import { brierScore, type ClassCount, f1Score, matthews } from './classification.js';
import type { CorpusMetric } from './ngrams.js';
import { mean, meanStderr, sum } from './statistics.js';
import { ter } from './ter.js';

/** What one document contributes to a metric. */
export interface Contribution {
  /** A score of weight 1, or a log-likelihood; 0 for metrics of pairs. */
  readonly value: number;
  /** How many units a log-likelihood covers. */
  readonly weight: number;
  /** What metrics over all documents compare: classes, texts, a class and probabilities. */
  readonly pair?: Pair;
}

export type Pair = readonly [gold: number | string, predicted: number | string | readonly number[]];

export interface Aggregate {
  readonly value: number;
  /** Null where there is no formula, or only one document. */
  readonly stderr: number | null;
}

type Aggregation = (contributions: readonly Contribution[]) => Aggregate;

/** Resamples of the bootstrap; of metrics of texts, which take long, fewer. */
const resamples = { usual: 100_000, texts: 100 };

const valuesOf = (contributions: readonly Contribution[]) => contributions.map(({ value }) => value);

/** A statistic of the contributions, with the bootstrap for its standard error. */
const bootstrapped =
  <Item>(
    items: (contributions: readonly Contribution[]) => readonly Item[],
    statistic: (drawn: readonly Item[]) => number,
    times: number,
  ): Aggregation =>
  (contributions) => {
    const all = items(contributions);
    const of = (drawn: Uint32Array) => statistic(Array.from(drawn, (at) => all[at]!));
    return {
      value: statistic(all),
      stderr: all.length > 1 ? bootstrapStderr(of, all.length, times) : null,
    };
  };

/** A statistic of how many documents have which classes: few counts, however many documents are drawn. */
const ofClasses =
  (statistic: (counts: readonly ClassCount[]) => number): Aggregation =>
  (contributions) => {
    const keys = contributions.map(({ pair }) => pair!.join(' '));
    const cells = [...new Map(contributions.map(({ pair }, i) => [keys[i]!, pair!]))];
    const cellOf = new Map(cells.map(([key], i) => [key, i]));
    const places = keys.map((key) => cellOf.get(key)!);
    const of = (drawn: ArrayLike<number>): number => {
      const counts = new Float64Array(cells.length);
      for (let i = 0; i < drawn.length; i++) counts[places[drawn[i]!]!]!++;
      return statistic(
        cells.map(([, [gold, predicted]], i) => ({
          gold: Number(gold),
          predicted: Number(predicted),
          count: counts[i]!,
        })),
      );
    };
    return {
      value: of([...places.keys()]),
      stderr: places.length > 1 ? bootstrapStderr(of, places.length, resamples.usual) : null,
    };
  };

const ofTexts = (metric: CorpusMetric): Aggregation =>
  bootstrapped(
    (contributions) =>
      contributions.map(({ pair }) => metric.statistics(...(pair as readonly [string, string]))),
    (segments) =>
      metric.score(segments[0]!.map((_, column) => sum(segments.map((counts) => counts[column]!)))),
    resamples.texts,
  );

const weightedMean = (contributions: readonly Contribution[]): number =>
  sum(valuesOf(contributions)) / sum(contributions.map(({ weight }) => weight));

const weighted =
  (report: (mean: number) => number): Aggregation =>
  (contributions) => ({ value: report(weightedMean(contributions)), stderr: null });

/** Defined values only; NaN if there are none. */
function definedMean(values: readonly number[]): number {
  const defined = values.filter((value) => !Number.isNaN(value));
  return defined.length === 0 ? Number.NaN : mean(defined);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const ofValues = (statistic: (values: readonly number[]) => number): Aggregation =>
  bootstrapped(valuesOf, statistic, resamples.usual);

/** The aggregations of lm-evaluation-harness 0.4.13 (api/metrics.py), with the standard errors it gives them. */
const aggregations: Readonly<Record<AggregationName, Aggregation>> = {
  mean: (contributions) => ({
    value: weightedMean(contributions),
    stderr: meanStderr(valuesOf(contributions)),
  }),
  nanmean: ofValues(definedMean),
  median: ofValues(median),
  perplexity: ofValues((values) => Math.exp(-mean(values))),
  weighted_perplexity: weighted((mean) => Math.exp(-mean)),
  bits_per_byte: weighted((mean) => -mean / Math.LN2),
  f1: ofClasses(f1Score),
  matthews_corrcoef: ofClasses(matthews),
  brier_score: (contributions) => ({
    value: mean(contributions.map(({ pair }) => brierScore(...(pair as readonly [number, number[]])))),
    stderr: null,
  }),
  bleu: ofTexts(bleu),
  chrf: ofTexts(chrf(0)),
  'chrf++': ofTexts(chrf(2)),
  ter: ofTexts(ter),
  bypass: () => ({ value: 999, stderr: null }),
};

/** The number that a metric reports for contributions of all documents. */
export const aggregate = (name: AggregationName, contributions: readonly Contribution[]): Aggregate =>
  aggregations[name](contributions);
