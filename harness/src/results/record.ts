import type { ScoredTask } from '../evaluation/score-task.js';
import { aggregate, findMetric } from '../metrics/metric.js';
import type { TaskGroup } from '../tasks/group.js';
import type { MetricName } from '../tasks/schema.js';
import { groupResult, groupsOfTasks, subtasks } from './group.js';
import { modelRecord, type RunFacts, runRecord } from './run.js';
import { taskHash } from './sample.js';
import { taskConfig } from './task-config.js';

/** A results file in lm-evaluation-harness' schema. Groups stand beside tasks wherever there is something to say. */
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
  /** Documents behind each number of a group. */
  readonly sample_count?: Readonly<Record<string, number>>;
  readonly [metric: string]: number | string | Readonly<Record<string, number>> | undefined;
}

export function buildRecord(
  tasks: readonly ScoredTask[],
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
    task_hashes: keyed(tasks, ({ samples }) => taskHash(samples)),
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

function taskResult({ task, questions, scores }: ScoredTask): TaskResult {
  const filters = scores[0]!.map(({ filter }, position) => ({
    filter,
    ofDocuments: scores.map((score) => score[position]!.contributions),
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
