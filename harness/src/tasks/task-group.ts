import type { MetricName } from './metric-schema.js';
import type { Task } from './task-schema.js';

/** Tasks that are also reported as one: the mean over all their documents. */
export interface TaskGroup {
  readonly group: string;
  /** Its name in tables, if different. */
  readonly group_alias?: string;
  readonly members: readonly (Task | TaskGroup)[];
  /** What is reported of the group; nothing if there are none. */
  readonly metrics: readonly (MetricName | GroupMetric)[];
  readonly version: number | string;
}

/** How a metric of a group is computed from those of its tasks. */
export interface GroupMetric {
  readonly metric: string;
  /** Names of filters; all that the tasks have if absent. */
  readonly filters?: readonly string[] | undefined;
  /** Whether tasks count by their documents, or each alike. */
  readonly weightBySize: boolean;
}

export function isGroup(member: Task | TaskGroup): member is TaskGroup {
  return 'group' in member;
}

/** All tasks below, in order. */
export function leaves(member: Task | TaskGroup): Task[] {
  return isGroup(member) ? member.members.flatMap(leaves) : [member];
}

/** The group and all groups below it, inner ones first. */
export function groupsWithin(member: Task | TaskGroup): TaskGroup[] {
  return isGroup(member) ? [...member.members.flatMap(groupsWithin), member] : [];
}

export function memberName(member: Task | TaskGroup): string {
  return isGroup(member) ? member.group : member.task;
}
