import { MoepressError, suggest } from '@moepress/core';
import { arcEasy } from './arc_easy.js';
import { gsm8k } from './gsm8k.js';
import type { Task } from './schema.js';
import { tinyFacts } from './tiny_facts.js';
import { tinyGsm } from './tiny_gsm.js';
import { tinyHeldout } from './tiny_heldout.js';
import { tinyWhere } from './tiny_where.js';
import { wikitext } from './wikitext.js';

const tasks: ReadonlyMap<string, Task> = new Map(
  [arcEasy, gsm8k, tinyFacts, tinyGsm, tinyHeldout, tinyWhere, wikitext].map((task) => [task.task, task]),
);

/** Names of all tasks, sorted. */
export function taskNames(): string[] {
  return [...tasks.keys()].sort();
}

/** Throws `TASK_UNKNOWN` with a suggestion; `where` is the option that names the task. */
export function findTask(name: string, where = '--tasks'): Task {
  const task = tasks.get(name);
  if (task) return task;
  const guess = suggest(name, tasks.keys());
  throw new MoepressError('TASK_UNKNOWN', {
    message: `There is no task "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where,
    mend: `Pick from ${taskNames().join(', ')}.`,
  });
}
