import { MoepressError, suggest } from '@moepress/core';
import { arcChallenge, arcEasy } from './arc.js';
import { boolq } from './boolq.js';
import { gsm8k, gsm8kCot, gsm8kCotLlama, gsm8kCotZeroshot } from './gsm8k.js';
import { hellaswag } from './hellaswag.js';
import { humaneval } from './humaneval.js';
import { mathqa } from './mathqa.js';
import { mmlu } from './mmlu.js';
import { openbookqa } from './openbookqa.js';
import { piqa } from './piqa.js';
import { rte, sglueRte } from './rte.js';
import { socialIqa } from './social_iqa.js';
import { groupsWithin, isGroup, leaves, memberName, type TaskGroup } from './task-group.js';
import type { Task } from './task-schema.js';
import { tinyFacts, tinyGsm, tinyHeldout, tinyWhere } from './tiny.js';
import { wikitext } from './wikitext.js';
import { winogrande } from './winogrande.js';

const listed: readonly (Task | TaskGroup)[] = [
  arcChallenge,
  arcEasy,
  boolq,
  gsm8k,
  gsm8kCot,
  gsm8kCotLlama,
  gsm8kCotZeroshot,
  hellaswag,
  humaneval,
  mathqa,
  mmlu,
  openbookqa,
  piqa,
  rte,
  sglueRte,
  socialIqa,
  tinyFacts,
  tinyGsm,
  tinyHeldout,
  tinyWhere,
  wikitext,
  winogrande,
];

/** Everything that can be named: tasks and groups, also those inside a group. */
const known: Map<string, Task | TaskGroup> = new Map(
  listed
    .flatMap((member) => [...groupsWithin(member), ...leaves(member)])
    .map((member) => [memberName(member), member]),
);

/** A task or group by name; undefined if there is none. */
export const findKnown = (name: string): Task | TaskGroup | undefined => known.get(name);

/** Adds tasks and groups, or replaces those of their names: see `registerTasks`, which checks them. */
export function addToRegistry(members: readonly (Task | TaskGroup)[]): void {
  for (const member of members) known.set(memberName(member), member);
}

/** Names of the tasks and groups that come with moepress and are not part of a group, sorted. */
export function taskNames(): string[] {
  return listed.map(memberName).sort();
}

/** Names that plugins declare, which are loaded when one of them is asked for. */
const announced = new Set<string>();

/** Makes names known that errors may suggest, though nothing of them is loaded. */
export function announceTasks(names: readonly string[]): void {
  for (const name of names) announced.add(name);
}

/** Names of all tasks and groups, also of those inside a group and of those that were registered. */
export const knownNames = (): string[] => [...known.keys()];

/**
 * A task or group by name. Throws `TASK_UNKNOWN` with a suggestion; `where` is the option that names it, `others` are
 * names that are known elsewhere.
 */
export function findTaskOrGroup(
  name: string,
  where = 'tasks',
  others: readonly string[] = [],
): Task | TaskGroup {
  const found = known.get(name);
  if (found) return found;
  const guess = suggest(name, [...known.keys(), ...announced, ...others]);
  throw new MoepressError('TASK_UNKNOWN', {
    message: `There is no task "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where,
    hint: `Pick from ${[...new Set([...taskNames(), ...announced])].join(', ')}.`,
  });
}

/** A single task by name. Throws `TASK_UNKNOWN`, also for a group. */
export function findTask(name: string, where = 'tasks'): Task {
  const found = findTaskOrGroup(name, where);
  if (!isGroup(found)) return found;
  throw new MoepressError('TASK_UNKNOWN', {
    message: `"${name}" is a group of tasks; a single task is needed here.`,
    where,
    hint: `Pick from ${leaves(found)
      .map(({ task }) => task)
      .join(', ')}.`,
  });
}
