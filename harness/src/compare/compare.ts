import { MoepressError } from '@moepress/core';
import { mean } from '../metrics/statistics.js';
import type { Sample } from '../results/sample.js';
import { type BootstrapInterval, pairedBootstrap } from './bootstrap.js';
import { type McNemar, mcnemar } from './mcnemar.js';
import { detectableDifference } from './power.js';

/** Samples by task, as an evaluation has them. */
export type Samples = Readonly<Record<string, readonly Sample[]>>;

export interface CompareOptions {
  /** Decides which items the bootstrap draws; 1234 by default. */
  readonly seed?: number | undefined;
  /** 2000 by default. */
  readonly resamples?: number | undefined;
}

/** Two models on the same items, by one metric. */
export interface Comparison {
  readonly task: string;
  readonly filter: string;
  readonly metric: string;
  /** Items that both models were asked. */
  readonly items: number;
  /** Means of the first and the second model. */
  readonly first: number;
  readonly second: number;
  /** Second minus first. */
  readonly difference: number;
  readonly interval: BootstrapInterval;
  /** Items that only the first, and only the second model had right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly mcnemar: McNemar;
  /** See `detectableDifference`. */
  readonly detectable: number | null;
}

/**
 * Compares two evaluations task by task, filter by filter, by every metric that is right or wrong for each
 * document. Throws `INPUT_INVALID` if they share no task, or if documents of the same number differ.
 */
export function compareSamples(first: Samples, second: Samples, options: CompareOptions = {}): Comparison[] {
  const tasks = Object.keys(first).filter((task) => task in second);
  if (tasks.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: 'The two results have no task in common.',
      mend: 'Score both models on the same tasks.',
    });
  }
  return tasks.flatMap((task) =>
    filtersOf(first[task]!).flatMap((filter) => {
      const pairs = pairItems(task, ofFilter(first[task]!, filter), ofFilter(second[task]!, filter));
      return binaryMetrics(pairs).map((metric) => ({
        task,
        filter,
        metric,
        ...compareScores(
          pairs.map(([a, b]) => [a[metric], b[metric]] as Scores),
          options,
        ),
      }));
    }),
  );
}

type Pair = readonly [first: Sample, second: Sample];
type Scores = readonly [first: number, second: number];

function filtersOf(samples: readonly Sample[]): string[] {
  return [...new Set(samples.map(({ filter }) => filter))];
}

function ofFilter(samples: readonly Sample[], filter: string): Sample[] {
  return samples.filter((sample) => sample.filter === filter);
}

function pairItems(task: string, first: readonly Sample[], second: readonly Sample[]): Pair[] {
  const others = new Map(second.map((sample) => [sample.doc_id, sample]));
  return first.flatMap((sample): Pair[] => {
    const other = others.get(sample.doc_id);
    if (!other) return [];
    if (other.doc_hash === sample.doc_hash) return [[sample, other]];
    throw new MoepressError('INPUT_INVALID', {
      message: `Document ${sample.doc_id} of ${task} is not the same in both results.`,
      mend: 'Score both models on the same data.',
    });
  });
}

/** Metrics that are 0 or 1 for each document, unlike perplexities. */
function binaryMetrics(pairs: readonly Pair[]): string[] {
  const [pair] = pairs;
  return pair ? pair[0].metrics.filter((metric) => pair.every((sample) => isBinary(sample[metric]))) : [];
}

function isBinary(score: unknown): boolean {
  return score === 0 || score === 1;
}

function compareScores(scores: readonly Scores[], { seed = 1234, resamples = 2000 }: CompareOptions) {
  const differences = scores.map(([first, second]) => second - first);
  const onlyFirst = differences.filter((difference) => difference < 0).length;
  const onlySecond = differences.filter((difference) => difference > 0).length;
  return {
    items: scores.length,
    first: mean(scores.map(([score]) => score)),
    second: mean(scores.map(([, score]) => score)),
    difference: mean(differences),
    interval: pairedBootstrap(differences, { seed, resamples }),
    onlyFirst,
    onlySecond,
    mcnemar: mcnemar(onlyFirst, onlySecond),
    detectable: detectableDifference(scores.length, onlyFirst + onlySecond),
  };
}
