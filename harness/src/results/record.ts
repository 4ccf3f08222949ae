import type { ScoredTask } from '../evaluation/score-task.js';
import { aggregate } from '../metrics/aggregations.js';
import { aggregationOf, type ChosenMetric, higherIsBetter } from '../metrics/metrics.js';
import { pooledStderr, sum, unweightedStderr, weightedMean } from '../metrics/statistics.js';
import type { Movement } from '../movement/movement.js';
import type { MetricName } from '../tasks/metric-schema.js';
import { type GroupMetric, isGroup, leaves, memberName, type TaskGroup } from '../tasks/task-group.js';
import { modelRecord, type RunFacts, runRecord } from './run-record.js';
import { type Sample, taskHash } from './sample.js';
import { taskConfig } from './task-config.js';

/** A results file in lm-evaluation-harness' schema, with entries for groups and tasks. */
export interface ResultsRecord {
  readonly results: Readonly<Record<string, TaskResult>>;
  /** The results of groups once more; absent if there are none. */
  readonly groups?: Readonly<Record<string, TaskResult>>;
  readonly group_subtasks: Readonly<Record<string, readonly string[]>>;
  readonly configs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Text for groups. */
  readonly versions: Readonly<Record<string, number | string>>;
  readonly 'n-shot': Readonly<Record<string, number>>;
  readonly higher_is_better: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
  readonly 'n-samples': Readonly<Record<string, { readonly original: number; readonly effective: number }>>;
  /** How far the model has moved from the one called `against` on all tasks together. */
  readonly movement?: Movement | null;
  /** The same by task and group. */
  readonly movements?: Readonly<Record<string, Movement>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly date: number;
  readonly model_name: string;
  readonly model_name_sanitized: string;
  readonly [key: string]: unknown;
}

/** `metric,filter` and `metric_stderr,filter` to numbers; a stderr without formula is `N/A`. */
export interface TaskResult {
  readonly name: string;
  readonly alias: string;
  readonly sample_len: number;
  /** Number of documents behind each number of a group. */
  readonly sample_count?: Readonly<Record<string, number>>;
  readonly [metric: string]: number | string | Readonly<Record<string, number>> | undefined;
}

export function buildRecord(
  tasks: readonly ScoredTask[],
  samples: Readonly<Record<string, readonly Sample[]>>,
  groups: readonly TaskGroup[],
  run: RunFacts,
): ResultsRecord {
  const ofTasks = keyed(tasks, taskResult);
  const ofGroups = Object.fromEntries(groups.map((group) => [group.group, groupResult(group, ofTasks)]));
  const tasksOfGroups = groupsOfTasks(groups);
  return {
    results: { ...ofTasks, ...ofGroups },
    ...(groups.length > 0 && { groups: ofGroups }),
    group_subtasks: Object.fromEntries([...groups].reverse().map((group) => [group.group, subtasks(group)])),
    configs: sorted(keyed(tasks, ({ task, shots }) => taskConfig(task, shots))),
    versions: sorted({
      ...keyed(tasks, ({ task }): number | string => task.metadata.version),
      ...Object.fromEntries(groups.map(({ group, version }) => [group, String(version)])),
    }),
    'n-shot': sorted({ ...keyed(tasks, ({ shots }) => shots), ...shotsOf(tasksOfGroups, tasks) }),
    higher_is_better: sorted({
      ...keyed(tasks, ({ task }) => directions(task.metric_list)),
      ...Object.fromEntries(tasksOfGroups.map((group) => [group.group, directionsOfGroup(group)])),
    }),
    'n-samples': keyed(tasks, ({ available, questions }) => ({
      original: available,
      effective: questions.length,
    })),
    ...runRecord(run),
    task_hashes: keyed(tasks, ({ task }) => taskHash(samples[task.task]!)),
    ...modelRecord(run),
    ...(run.movements && {
      against: run.model.against,
      movement: run.movements.overall,
      movements: run.movements.byName,
    }),
    total_evaluation_time_seconds: String(run.seconds),
  };
}

function keyed<Value>(
  tasks: readonly ScoredTask[],
  value: (task: ScoredTask) => Value,
): Record<string, Value> {
  return Object.fromEntries(tasks.map((task) => [task.task.task, value(task)]));
}

function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function directions(metrics: readonly ChosenMetric[]): Record<string, boolean> {
  return Object.fromEntries(metrics.map((chosen) => [chosen.metric, higherIsBetter(chosen)]));
}

/** Directions of all metrics of a group's tasks; one that they do not agree on has none. */
function directionsOfGroup(group: TaskGroup): Record<string, boolean> {
  const all = leaves(group).flatMap(({ metric_list }) => Object.entries(directions(metric_list)));
  return Object.fromEntries(
    all.filter(([metric, direction]) => all.every(([name, other]) => name !== metric || other === direction)),
  );
}

/** The shots of a group are those of its first task. */
function shotsOf(groups: readonly TaskGroup[], tasks: readonly ScoredTask[]): Record<string, number> {
  return Object.fromEntries(
    groups.map((group) => [group.group, tasks.find(({ task }) => task.task === subtasks(group)[0])!.shots]),
  );
}

function taskResult({ task, questions }: ScoredTask): TaskResult {
  const filters = questions[0]!.scores.map(({ filter }, position) => ({
    filter,
    ofDocuments: questions.map(({ scores }) => scores[position]!.contributions),
  }));
  const numbers = filters.flatMap(({ filter, ofDocuments }) =>
    (task.metric_list as readonly ChosenMetric[]).flatMap((chosen, position) => {
      const { metric } = chosen;
      const contributions = ofDocuments.map((document) => document[position]!);
      const { value, stderr } = aggregate(aggregationOf(chosen), contributions);
      return [
        [`${metric},${filter}`, value],
        [`${metric}_stderr,${filter}`, stderr ?? 'N/A'],
      ] as const;
    }),
  );
  return {
    name: task.task,
    alias: task.task_alias ?? task.task,
    sample_len: questions.length,
    ...Object.fromEntries(numbers),
  };
}

/** Results of a group: for each of its metrics the mean over the tasks below it that have the metric. */
function groupResult(group: TaskGroup, results: Readonly<Record<string, TaskResult>>): TaskResult {
  const members = leaves(group).map(({ task }) => results[task]!);
  const means = group.metrics.map(asGroupMetric).flatMap((metric) => groupMeans(metric, members));
  return {
    name: group.group,
    alias: group.group_alias ?? group.group,
    sample_len: sum(members.map(({ sample_len }) => sample_len)),
    ...Object.fromEntries(means.flatMap(({ numbers }) => numbers)),
    sample_count: Object.fromEntries(means.map(({ key, count }) => [key, count])),
  };
}

const asGroupMetric = (metric: MetricName | GroupMetric): GroupMetric =>
  typeof metric === 'string' ? { metric, filters: ['none'], weightBySize: true } : metric;

function groupMeans({ metric, filters, weightBySize }: GroupMetric, members: readonly TaskResult[]) {
  return (filters ?? filtersOf(metric, members)).flatMap((filter) => {
    const key = `${metric},${filter}`;
    const having = members.filter((result) => typeof result[key] === 'number');
    if (having.length === 0) return [];
    const sizes = having.map(({ sample_len }) => sample_len);
    const values = having.map((result) => result[key] as number);
    const stderrs = having.map((result) => result[`${metric}_stderr,${filter}`]);
    const stderr = weightBySize ? (all: readonly number[]) => pooledStderr(all, sizes) : unweightedStderr;
    const numbers = [
      [key, weightedMean(values, weightBySize ? sizes : sizes.map(() => 1))],
      [`${metric}_stderr,${filter}`, areNumbers(stderrs) ? stderr(stderrs) : 'N/A'],
    ] as const;
    return [{ key, count: sum(sizes), numbers }];
  });
}

/** The filters under which any of the tasks has the metric, sorted. */
function filtersOf(metric: string, members: readonly TaskResult[]): string[] {
  const keys = members.flatMap((result) => Object.keys(result)).filter((key) => key.startsWith(`${metric},`));
  return [...new Set(keys.map((key) => key.slice(metric.length + 1)))].sort();
}

function areNumbers(values: readonly unknown[]): values is readonly number[] {
  return values.every((value) => typeof value === 'number');
}

/** The groups whose members are tasks; of groups of groups lm-evaluation-harness gives no shots and directions. */
function groupsOfTasks(groups: readonly TaskGroup[]): TaskGroup[] {
  return groups.filter(({ members }) => !members.some(isGroup));
}

function subtasks({ members }: TaskGroup): string[] {
  return members.map(memberName);
}
