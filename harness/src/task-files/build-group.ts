import { MoepressError } from '@moepress/core';
import { z } from 'zod';
import type { GroupMetric, TaskGroup } from '../tasks/task-group.js';
import { isGroup } from '../tasks/task-group.js';
import type { Task } from '../tasks/task-schema.js';
import { functionIn, type RawConfig } from './read-task-file.js';
import { TaskRefusal } from './refusals.js';

/** What builds the members that a group names. */
export interface MemberBuilder {
  /** Whether there is a task, group or tag of this name. */
  has(name: string): boolean;
  /** The task or group of a name, or the tasks of a tag, with other values for some keys. */
  named(
    name: string,
    overrides: RawConfig,
    within: readonly string[],
  ): Promise<readonly (Task | TaskGroup)[]>;
  /** A task that stands within its group. */
  inline(config: RawConfig): Promise<Task>;
}

const metricSchema = z.object({
  metric: z.string(),
  aggregation: z.literal('mean').default('mean'),
  weight_by_size: z.boolean().default(true),
  filter_list: z
    .union([z.string(), z.array(z.string())])
    .nullish()
    .transform((given) => (given == null ? undefined : [given].flat())),
});

const groupSchema = z.looseObject({
  group: z.string(),
  group_alias: z.string().nullish(),
  task: z
    .union([z.string(), z.array(z.union([z.string(), z.looseObject({})]))])
    .nullish()
    .transform((given) => (given == null ? [] : [given].flat())),
  aggregate_metric_list: z
    .union([metricSchema, z.array(metricSchema)])
    .nullish()
    .transform((given) => (given == null ? [] : [given].flat())),
  metadata: z.looseObject({ version: z.unknown().optional() }).nullish(),
});

/** Keys of a group itself; all others are for its tasks, where they have no value of their own for them. */
const ownKeys = ['group', 'group_alias', 'task', 'aggregate_metric_list', 'metadata', 'tag'];

export interface GroupPlace {
  readonly file: string;
  /** Values for keys of tasks that the groups around it give. */
  readonly overrides: RawConfig;
  /** The groups around it. */
  readonly within: readonly string[];
}

/** Groups within groups. */
const maxDepth = 16;

/**
 * The group that a task file describes, as `TaskFactory` of lm-evaluation-harness 0.4.13 (tasks/_factory.py) builds it.
 * Throws `TASK_INVALID` for what is no group or contains itself, and what building its members throws.
 */
export async function buildGroup(
  raw: RawConfig,
  place: GroupPlace,
  members: MemberBuilder,
): Promise<TaskGroup> {
  const { file, within } = place;
  if (Object.values(raw).some((value) => Array.isArray(value) && value.some((one) => isPython(one)))) {
    throw new TaskRefusal(
      'Python: aggregate_metric_list',
      `${String(raw.group)} aggregates by Python.`,
      file,
    );
  }
  const { success, data, error } = groupSchema.safeParse(raw);
  if (!success) {
    const { path: at, message } = error.issues[0]!;
    throw invalid(`${at.join('.') || 'The group'}: ${message}.`, file);
  }
  if (within.includes(data.group)) throw invalid(`The group ${data.group} contains itself.`, file);
  if (within.length >= maxDepth) throw invalid(`Groups nest deeper than ${maxDepth} levels.`, file);
  const own = Object.fromEntries(Object.entries(data).filter(([key]) => !ownKeys.includes(key)));
  const inner = { ...place, overrides: { ...own, ...place.overrides }, within: [...within, data.group] };
  const built: (Task | TaskGroup)[] = [];
  for (const member of data.task) built.push(...(await buildMember(member, data.group, { inner, members })));
  const version = data.metadata?.version;
  return {
    group: data.group,
    ...(typeof data.group_alias === 'string' && { group_alias: data.group_alias }),
    members: unique(built),
    metrics: data.aggregate_metric_list.map(
      ({ metric, filter_list, weight_by_size }): GroupMetric => ({
        metric,
        filters: filter_list,
        weightBySize: weight_by_size,
      }),
    ),
    version: typeof version === 'number' || typeof version === 'string' ? version : 'N/A',
  };
}

const isPython = (one: unknown): boolean =>
  typeof one === 'object' &&
  one !== null &&
  Object.values(one).some((value) => functionIn(value) !== undefined);

async function buildMember(
  member: string | RawConfig,
  group: string,
  { inner, members }: { readonly inner: GroupPlace; readonly members: MemberBuilder },
): Promise<readonly (Task | TaskGroup)[]> {
  const { overrides, within, file } = inner;
  if (typeof member === 'string') return known({ name: member, overrides, group }, inner, members);
  if (typeof member.group === 'string') {
    const { group: name, ...more } = member;
    if (members.has(name as string)) return members.named(name as string, { ...overrides, ...more }, within);
    return [await buildGroup({ ...member, group: `${group}::${name as string}` }, inner, members)];
  }
  const { task } = member;
  if (typeof task !== 'string') throw invalid(`A member of ${group} names no task and no group.`, file);
  return known({ name: task, overrides: { ...overrides, ...member }, group }, inner, members);
}

/** A task, group or tag that there is, or else a task that is described here. */
async function known(
  {
    name,
    overrides,
    group,
  }: { readonly name: string; readonly overrides: RawConfig; readonly group: string },
  { within, file }: GroupPlace,
  members: MemberBuilder,
): Promise<readonly (Task | TaskGroup)[]> {
  if (members.has(name)) return members.named(name, overrides, within);
  if (overrides.dataset_path === undefined)
    throw invalid(`There is no task ${name} for the group ${group}.`, file);
  return [await members.inline({ ...overrides, task: `${group}::${name}` })];
}

/** A group has one member of a name: the last. */
function unique(built: readonly (Task | TaskGroup)[]): (Task | TaskGroup)[] {
  return [...new Map(built.map((one) => [isGroup(one) ? one.group : one.task, one])).values()];
}

function invalid(message: string, where: string): MoepressError {
  return new MoepressError('TASK_INVALID', { message, where });
}
