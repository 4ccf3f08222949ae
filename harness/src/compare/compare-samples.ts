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

/** Samples by task, as an evaluation has them. */
export type Samples = Readonly<Record<string, readonly Sample[]>>;

export interface CompareOptions {
  /** Decides which items the bootstrap draws; 1234 by default. */
  readonly seed?: number | undefined;
  /** 2000 by default. */
  readonly resamples?: number | undefined;
  /** Groups that the tasks belong to: their documents are pooled, too. */
  readonly groups?: GroupMembers | undefined;
}

/** Two models on the same items, by one metric. */
export interface Comparison {
  /** Name of a task or a group. */
  readonly task: string;
  /** Tasks whose items are pooled; null for a task. */
  readonly pooled: number | null;
  readonly filter: string;
  readonly metric: string;
  /** Items that both models were asked. */
  readonly items: number;
  /** Items that the two models were asked with different prompts, so that not only the models differ. */
  readonly differentPrompts: number;
  /** Means of the first and the second model. */
  readonly first: number;
  readonly second: number;
  /** Second minus first. */
  readonly difference: number;
  readonly interval: Interval;
  /** Items that only the first, and only the second model had right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly mcnemar: McNemar;
  /** See `detectableDifference`. */
  readonly detectable: number | null;
}

/** The middle 95 % of what the difference may be. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /** By resampling the items, or from the score test where fewer than `fewDisagreements` tell the models apart. */
  readonly method: 'bootstrap' | 'score';
}

/** Items on which models differ below which a resampled interval is too narrow to mean what it says. */
export const fewDisagreements = 25;

/**
 * Compares two evaluations group by group, task by task, filter by filter, by every metric that is right or wrong for
 * each document. Throws `INPUT_INVALID` if they share no task, or if documents of the same number differ, or what is
 * right of them.
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
