import type { MetricName, Task } from './task-schema.js';

/** Tasks that are also reported as one: the mean over all their documents. */
export interface TaskGroup {
  readonly group: string;
  /** Its name in tables, if different. */
  readonly group_alias?: string;
  readonly members: readonly (Task | TaskGroup)[];
  readonly metrics: readonly MetricName[];
  readonly version: number;
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
