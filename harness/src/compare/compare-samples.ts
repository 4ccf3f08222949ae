import { MoepressError } from '@moepress/core';
import { mean } from '../metrics/statistics.js';
import { type GroupMembers, tasksOfGroups } from '../results/group-members.js';
import type { Sample } from '../results/sample.js';
import {
  detectableDifference,
  type McNemar,
  mcnemar,
  pairedBootstrap,
  scoreInterval,
} from './paired-statistics.js';

/** Samples by task, as an evaluation returns them. */
export type Samples = Readonly<Record<string, readonly Sample[]>>;

export interface CompareOptions {
  /** Seed of the bootstrap; 1234 by default. */
  readonly seed?: number | undefined;
  /** Number of resamples; 2000 by default. */
  readonly resamples?: number | undefined;
  /** Groups of the tasks: the documents of each group are pooled, in addition to the comparison by task. */
  readonly groups?: GroupMembers | undefined;
}

/** Two models compared on the same items by one metric. */
export interface Comparison {
  /** Name of a task or a group. */
  readonly task: string;
  /** Tasks whose items are pooled; null for a task. */
  readonly pooled: number | null;
  readonly filter: string;
  readonly metric: string;
  /** Number of items that both models were asked. */
  readonly items: number;
  /** Number of items that the two models were asked with different prompts, so that not only the models differ. */
  readonly differentPrompts: number;
  /** Means of the first and the second model. */
  readonly first: number;
  readonly second: number;
  /** The second mean minus the first. */
  readonly difference: number;
  readonly interval: Interval;
  /** Numbers of items that only the first, and only the second model answered right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly mcnemar: McNemar;
  /** See `detectableDifference`. */
  readonly detectable: number | null;
}

/** The 95 % confidence interval of the difference. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /**
   * The interval from resampling the items, or from the score test if fewer than `fewDisagreements` items differ
   * between the models.
   */
  readonly method: 'bootstrap' | 'score';
}

/** With fewer differing items than this, an interval from resampling is too narrow. */
export const fewDisagreements = 25;

/**
 * Compares two evaluations group by group, task by task, filter by filter, by every metric that is right or wrong for
 * each document. Throws `INPUT_INVALID` if they have no task in common, or if documents with the same number, or
 * their right answers, differ.
 */
export function compareSamples(first: Samples, second: Samples, options: CompareOptions = {}): Comparison[] {
  const tasks = Object.keys(first).filter((task) => task in second);
  if (tasks.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: 'The two results have no task in common.',
      hint: 'Score both models on the same tasks.',
    });
  }
  const paired = new Map(tasks.map((task) => [task, pairsByFilter(task, first[task]!, second[task]!)]));
  const pooled = [...tasksOfGroups(options.groups ?? {})].flatMap(([group, members]) =>
    members.every((member) => paired.has(member))
      ? compareGroup(
          group,
          members.map((member) => paired.get(member)!),
          options,
        )
      : [],
  );
  const single = [...paired].flatMap(([task, filters]) =>
    [...filters].flatMap(([filter, pairs]) => comparePairs({ task, pooled: null, filter }, pairs, options)),
  );
  return [...pooled, ...single];
}

type Pair = readonly [first: Sample, second: Sample];
type Scores = readonly [first: number, second: number];
type Name = Pick<Comparison, 'task' | 'pooled' | 'filter'>;

/** The filters that all members have, as results of groups do. */
function compareGroup(
  task: string,
  members: readonly ReadonlyMap<string, readonly Pair[]>[],
  options: CompareOptions,
): Comparison[] {
  const shared = [...members[0]!.keys()].filter((filter) => members.every((own) => own.has(filter)));
  return shared.flatMap((filter) => {
    const pairs = members.flatMap((own) => own.get(filter)!);
    return comparePairs({ task, pooled: members.length, filter }, pairs, options);
  });
}

function comparePairs(name: Name, pairs: readonly Pair[], options: CompareOptions): Comparison[] {
  const differentPrompts = pairs.filter(([a, b]) => a.prompt_hash !== b.prompt_hash).length;
  return binaryMetrics(pairs).map((metric) => ({
    ...name,
    metric,
    differentPrompts,
    ...compareScores(
      pairs.map(([a, b]) => [a[metric], b[metric]] as Scores),
      options,
    ),
  }));
}

function pairsByFilter(
  task: string,
  first: readonly Sample[],
  second: readonly Sample[],
): Map<string, readonly Pair[]> {
  const filters = [...new Set(first.map(({ filter }) => filter))];
  const ofFilter = (samples: readonly Sample[], filter: string) =>
    samples.filter((sample) => sample.filter === filter);
  return new Map(
    filters.map((filter) => [filter, pairItems(task, ofFilter(first, filter), ofFilter(second, filter))]),
  );
}

function pairItems(task: string, first: readonly Sample[], second: readonly Sample[]): Pair[] {
  const others = new Map(second.map((sample) => [sample.doc_id, sample]));
  return first.flatMap((sample): Pair[] => {
    const other = others.get(sample.doc_id);
    if (!other) return [];
    const differs =
      other.doc_hash !== sample.doc_hash
        ? 'is not the same in both results'
        : other.target_hash !== sample.target_hash
          ? 'has another right answer in the other results'
          : null;
    if (differs === null) return [[sample, other]];
    throw new MoepressError('INPUT_INVALID', {
      message: `Document ${sample.doc_id} of ${task} ${differs}.`,
      hint: 'Score both models on the same data with the same version of the task.',
    });
  });
}

/** Metrics that are 0 or 1 for each document, unlike perplexities. */
function binaryMetrics(pairs: readonly Pair[]): string[] {
  const [pair] = pairs;
  return pair
    ? pair[0].metrics.filter((metric) =>
        pairs.every((both) => both.every((sample) => isBinary(sample[metric]))),
      )
    : [];
}

function isBinary(score: unknown): boolean {
  return score === 0 || score === 1;
}

function compareScores(scores: readonly Scores[], { seed = 1234, resamples = 2000 }: CompareOptions) {
  const differences = scores.map(([first, second]) => second - first);
  const onlyFirst = differences.filter((difference) => difference < 0).length;
  const onlySecond = differences.filter((difference) => difference > 0).length;
  const isFew = onlyFirst + onlySecond < fewDisagreements;
  const { low, high } = isFew
    ? scoreInterval(scores.length, onlyFirst, onlySecond)
    : pairedBootstrap(differences, { seed, resamples });
  return {
    items: scores.length,
    first: mean(scores.map(([score]) => score)),
    second: mean(scores.map(([, score]) => score)),
    difference: mean(differences),
    interval: { low, high, method: isFew ? 'score' : 'bootstrap' } as const,
    onlyFirst,
    onlySecond,
    mcnemar: mcnemar(onlyFirst, onlySecond),
    detectable: detectableDifference(scores.length, onlyFirst + onlySecond),
  };
}
