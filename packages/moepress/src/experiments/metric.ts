import { findTaskOrGroup, groupsWithin, isGroup, leaves, type ResultsRecord } from '@moepress/harness';

/** Something that was scored: numbers by task and `metric,filter`. */
export interface Scored {
  readonly scores: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The numbers of tasks and groups, standard errors among them. */
export function scoresOf({ results }: ResultsRecord): Record<string, Record<string, number>> {
  return Object.fromEntries(
    Object.entries(results).map(([task, result]) => [
      task,
      Object.fromEntries(
        Object.entries(result).filter(
          (entry): entry is [string, number] => entry[0].includes(',') && typeof entry[1] === 'number',
        ),
      ),
    ]),
  );
}

/** The number shown for a task. */
export interface Metric {
  readonly task: string;
  /** `metric,filter` as in results files. */
  readonly key: string;
  readonly higherIsBetter: boolean;
  /** Whether it counts in the average: the parts of a group that is asked stand in the table beside it and do not. */
  readonly isAveraged: boolean;
}

/** Tasks whose answers differ in length: papers give the accuracy by log-likelihood per character. */
const normalised = new Set(['arc_easy', 'arc_challenge', 'hellaswag', 'openbookqa']);

const preferred = [
  'exact_match,strict-match',
  'exact_match,flexible-extract',
  'acc,none',
  'word_perplexity,none',
  'token_perplexity,none',
];

/**
 * One metric for each task and group that was scored, as the papers of the field choose them. `asked` names those that
 * were asked for, each of which counts once in the average; they come first. Absent: all that were scored.
 */
export function metricsOf(cells: readonly Scored[], asked?: readonly string[]): Metric[] {
  const tasks = new Map(cells.flatMap(({ scores }) => Object.entries(scores)));
  const counted = asked ? outermost(asked) : new Set(tasks.keys());
  const metrics = [...tasks].flatMap(([task, scores]): Metric[] => {
    const wanted = normalised.has(task) ? ['acc_norm,none', ...preferred] : preferred;
    const key = [...wanted, ...Object.keys(scores)].find((name) => name in scores);
    if (key === undefined) return [];
    return [{ task, key, higherIsBetter: !key.includes('perplexity'), isAveraged: counted.has(task) }];
  });
  const place = ({ task, isAveraged }: Metric) => asked && (isAveraged ? asked.indexOf(task) : asked.length);
  return metrics.toSorted((a, b) => (place(a) ?? 0) - (place(b) ?? 0));
}

/** Without those that are part of a group which is named too. */
function outermost(names: readonly string[]): Set<string> {
  const parts = names
    .map((name) => findTaskOrGroup(name))
    .flatMap((named) => {
      if (!isGroup(named)) return [];
      const groups = groupsWithin(named).map(({ group }) => group);
      return [...groups.filter((group) => group !== named.group), ...leaves(named).map(({ task }) => task)];
    });
  return new Set(names.filter((name) => !parts.includes(name)));
}

/** The accuracies that count in the average. */
export const averaged = (metrics: readonly Metric[]): Metric[] =>
  metrics.filter(({ higherIsBetter, isAveraged }) => higherIsBetter && isAveraged);

/** Mean over the accuracies that count in it; null where one is missing or there is none. */
export function average({ scores }: Scored, metrics: readonly Metric[]): number | null {
  const values = averaged(metrics).map(({ task, key }) => scores[task]?.[key]);
  if (values.length === 0 || values.includes(undefined)) return null;
  return values.reduce<number>((sum, value) => sum + value!, 0) / values.length;
}

/** The standard error of a metric over the documents of its task; null where none was given. */
export const standardError = ({ scores }: Scored, { task, key }: Metric): number | null =>
  scores[task]?.[key.replace(',', '_stderr,')] ?? null;

/**
 * The standard error of the average over tasks, whose documents are independent: the root of the sum of their squared
 * standard errors, divided by the number of tasks. Null where one is missing.
 */
export function averageError(scored: Scored, metrics: readonly Metric[]): number | null {
  if (average(scored, metrics) === null) return null;
  const errors = averaged(metrics).map((metric) => standardError(scored, metric));
  if (errors.includes(null)) return null;
  return Math.sqrt(errors.reduce<number>((sum, error) => sum + error! ** 2, 0)) / errors.length;
}
