import { type MethodOrigin, MoepressError } from '@moepress/core';
import { z } from 'zod';
import { addToRegistry, findKnown } from './registry.js';
import { groupsWithin, leaves, memberName, type TaskGroup } from './task-group.js';
import { type Task, taskSchema } from './task-schema.js';

const groupSchema = z.strictObject({
  group: z.string().min(1),
  group_alias: z.string().optional(),
  members: z.array(z.unknown()).min(1),
  metrics: z.array(
    z.union([
      z.string(),
      z.strictObject({
        metric: z.string(),
        filters: z.array(z.string()).optional(),
        weightBySize: z.boolean(),
      }),
    ]),
  ),
  version: z.union([z.number(), z.string()]),
});

/** What was registered, and by which package: for that the same module may be loaded again and again. */
const registered = new Map<string, { readonly given: unknown; readonly package: string }>();

/**
 * Makes tasks and groups of a plugin known by their names in this process, as those are that come with moepress: `evaluate`
 * finds them, and they are calibration sets. Throws `PLUGIN_INVALID` for what is no task, naming the field, and for a name
 * that somebody else's task has.
 */
export function registerTasks(given: readonly unknown[], origin: MethodOrigin): void {
  for (const one of given) {
    const checked = checkTask(one, origin);
    const name = memberName(checked);
    const earlier = registered.get(name);
    if (earlier?.given === one) continue;
    const members = [...groupsWithin(checked), ...leaves(checked)];
    for (const member of members) refuseTaken(memberName(member), origin);
    addToRegistry(members);
    for (const member of members) {
      registered.set(memberName(member), {
        given: member === checked ? one : member,
        package: origin.package,
      });
    }
  }
}

/** A task or group as it is understood, with its defaults. Throws `PLUGIN_INVALID`. */
export function checkTask(given: unknown, origin: MethodOrigin): Task | TaskGroup {
  const { group, members = [] } = (given ?? {}) as { readonly group?: unknown; readonly members?: unknown[] };
  const { success, data, error } = (group === undefined ? taskSchema : groupSchema).safeParse(given);
  if (!success) throw invalid(given, z.prettifyError(error), origin);
  if (!('group' in data)) return data;
  return { ...data, members: members.map((member) => checkTask(member, origin)) } as TaskGroup;
}

function refuseTaken(name: string, origin: MethodOrigin): void {
  if (findKnown(name) === undefined || registered.get(name)?.package === origin.package) return;
  const owner = registered.get(name)?.package ?? 'moepress';
  throw new MoepressError('PLUGIN_INVALID', {
    message: `The task "${name}" of ${origin.package} has the name of a task of ${owner}.`,
    where: `${origin.package} ${origin.version}`,
    hint: 'Use one of the two plugins, or have the author rename the task.',
  });
}

function invalid(given: unknown, problem: string, origin: MethodOrigin): MoepressError {
  const { task, group } = (given ?? {}) as { readonly task?: unknown; readonly group?: unknown };
  return new MoepressError('PLUGIN_INVALID', {
    message: `The task ${JSON.stringify(task ?? group ?? null)} is not one that this moepress knows: ${problem}`,
    where: `${origin.package} ${origin.version}`,
    hint: 'Make it with defineTask of @moepress/harness, or report this to the author of the plugin.',
  });
}
