import type { ScoredTask } from '../evaluation/score-task.js';
import { aggregate, findMetric } from '../metrics/metrics.js';
import { pooledStderr, sum, weightedMean } from '../metrics/statistics.js';
import { isGroup, leaves, memberName, type TaskGroup } from '../tasks/task-group.js';
import type { MetricName } from '../tasks/task-schema.js';
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
      ...keyed(tasks, ({ task }) => directions(task.metric_list.map(({ metric }) => metric))),
      ...Object.fromEntries(tasksOfGroups.map(({ group, metrics }) => [group, directions(metrics)])),
    }),
    'n-samples': keyed(tasks, ({ available, questions }) => ({
      original: available,
      effective: questions.length,
    })),
    ...runRecord(run),
    task_hashes: keyed(tasks, ({ task }) => taskHash(samples[task.task]!)),
    ...modelRecord(run.model),
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

function directions(metrics: readonly MetricName[]): Record<string, boolean> {
  return Object.fromEntries(metrics.map((metric) => [metric, findMetric(metric).higherIsBetter]));
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
    task.metric_list.flatMap(({ metric }, position) => {
      const contributions = ofDocuments.map((document) => document[position]!);
      const { value, stderr } = aggregate(metric, contributions);
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

/** Results of a group: the mean over the documents of all tasks below it. */
function groupResult(group: TaskGroup, results: Readonly<Record<string, TaskResult>>): TaskResult {
  const members = leaves(group).map(({ task }) => results[task]!);
  const sizes = members.map(({ sample_len }) => sample_len);
  const numbers = group.metrics.flatMap((metric) => {
    const means = members.map((result) => result[`${metric},none`] as number);
    const stderrs = members.map((result) => result[`${metric}_stderr,none`]);
    return [
      [`${metric},none`, weightedMean(means, sizes)],
      [`${metric}_stderr,none`, areNumbers(stderrs) ? pooledStderr(stderrs, sizes) : 'N/A'],
    ] as const;
  });
  return {
    name: group.group,
    alias: group.group_alias ?? group.group,
    sample_len: sum(sizes),
    ...Object.fromEntries(numbers),
    sample_count: Object.fromEntries(group.metrics.map((metric) => [`${metric},none`, sum(sizes)])),
  };
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
