import { pooledStderr, sum, weightedMean } from '../metrics/statistics.js';
import { isGroup, leaves, memberName, type TaskGroup } from '../tasks/group.js';
import type { TaskResult } from './record.js';

/** Results of a group: the mean over the documents of all tasks below it. */
export function groupResult(group: TaskGroup, results: Readonly<Record<string, TaskResult>>): TaskResult {
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
export function groupsOfTasks(groups: readonly TaskGroup[]): TaskGroup[] {
  return groups.filter(({ members }) => !members.some(isGroup));
}

export function subtasks({ members }: TaskGroup): string[] {
  return members.map(memberName);
}
