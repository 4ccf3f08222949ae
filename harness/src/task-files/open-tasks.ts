import path from 'node:path';
import { MoepressError, throwIfAborted } from '@moepress/core';
import { hasMagic, matchesGlob } from '../datasets/glob.js';
import { findTaskOrGroup, knownNames } from '../tasks/registry.js';
import { leaves, type TaskGroup } from '../tasks/task-group.js';
import type { Task } from '../tasks/task-schema.js';
import { buildGroup, type MemberBuilder } from './build-group.js';
import { buildTask } from './build-task.js';
import { type RawConfig, readTaskFile } from './read-task-file.js';
import { openTaskFolder, type TaskEntry, type TaskFolder } from './task-folder.js';

export interface TaskSources {
  /** A folder of task files of lm-evaluation-harness; its tasks come before those that moepress knows by name. */
  readonly includePath?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** All tasks there are. */
export interface Tasks {
  /** The names of a folder of task files; empty without one. */
  readonly entries: ReadonlyMap<string, TaskEntry>;
  /** Files of the folder that name nothing because they cannot be read, with the reason. */
  readonly broken: TaskFolder['broken'];
  /**
   * Tasks and groups by name, by pattern (`arc_*`), by tag, or by the path of a task file. `first`: the place of the first
   * in the option `tasks`. Throws `TASK_UNKNOWN` with a suggestion, `TASK_INVALID`, `TASK_UNSUPPORTED`, and the reason of the signal.
   */
  find(names: readonly string[], first?: number): Promise<(Task | TaskGroup)[]>;
}

/** Opens the tasks that are known by name and those of a folder. Throws `TASK_INVALID` for what is no folder. */
export async function openTasks({ includePath, signal }: TaskSources = {}): Promise<Tasks> {
  const folder = includePath === undefined ? null : await openTaskFolder(includePath, signal);
  const builder = new Builder(folder, signal);
  return {
    entries: folder?.entries ?? new Map(),
    broken: folder?.broken ?? [],
    async find(names, first = 0) {
      const found: (Task | TaskGroup)[] = [];
      for (const [i, name] of names.entries()) {
        throwIfAborted(signal);
        found.push(...(await builder.find(name, `tasks[${first + i}]`)));
      }
      const all = [...new Set(found)];
      refuseTwins(all);
      return all;
    },
  };
}

/** The tasks and groups of a list in which some stand themselves. Throws what `Tasks.find` throws. */
export async function findTasks(
  asked: readonly (string | Task | TaskGroup)[],
  sources: TaskSources = {},
): Promise<(Task | TaskGroup)[]> {
  const tasks = await openTasks(sources);
  const found: (Task | TaskGroup)[] = [];
  for (const [i, task] of asked.entries()) {
    found.push(...(typeof task === 'string' ? await tasks.find([task], i) : [task]));
  }
  const all = [...new Set(found)];
  refuseTwins(all);
  return all;
}

class Builder implements MemberBuilder {
  readonly #folder: TaskFolder | null;
  readonly #signal: AbortSignal | undefined;
  /** Built already: the same task in two groups is one. */
  readonly #built = new Map<string, Promise<readonly (Task | TaskGroup)[]>>();

  constructor(folder: TaskFolder | null, signal: AbortSignal | undefined) {
    this.#folder = folder;
    this.#signal = signal;
  }

  async find(name: string, where: string): Promise<readonly (Task | TaskGroup)[]> {
    if (this.has(name)) return this.named(name, {}, []);
    if (/\.ya?ml$/.test(name)) return this.#ofFile(name);
    if (!hasMagic(name)) return [findTaskOrGroup(name, where, [...(this.#folder?.entries.keys() ?? [])])];
    const names = new Set([...(this.#folder?.entries.keys() ?? []), ...knownNames()]);
    const matching = [...names].filter((one) => matchesGlob(name, one)).sort();
    if (matching.length === 0) {
      throw new MoepressError('TASK_UNKNOWN', { message: `No task matches "${name}".`, where });
    }
    return (await Promise.all(matching.map((one) => this.find(one, where)))).flat();
  }

  has(name: string): boolean {
    return this.#folder?.entries.has(name) ?? false;
  }

  named(
    name: string,
    overrides: RawConfig,
    within: readonly string[],
  ): Promise<readonly (Task | TaskGroup)[]> {
    const key = JSON.stringify([name, overrides, within]);
    let built = this.#built.get(key);
    if (!built) {
      built = this.#build(this.#folder!.entries.get(name)!, overrides, within);
      this.#built.set(key, built);
    }
    return built;
  }

  inline(config: RawConfig): Promise<Task> {
    return buildTask(config, this.#folder?.root ?? '.');
  }

  async #build(
    entry: TaskEntry,
    overrides: RawConfig,
    within: readonly string[],
  ): Promise<readonly (Task | TaskGroup)[]> {
    if (entry.kind === 'tag') {
      const tasks = await Promise.all(entry.tasks.map((task) => this.named(task, overrides, within)));
      return tasks.flat();
    }
    const raw = await readTaskFile(entry.file, this.#folder!.root, this.#signal);
    return this.#ofConfig(raw, { file: entry.file, overrides, within });
  }

  /** A task file that lies in the folder, or includes only files beside it. */
  async #ofFile(file: string): Promise<readonly (Task | TaskGroup)[]> {
    const inside = this.#folder && path.relative(this.#folder.root, path.resolve(file));
    const isInside = inside !== null && !inside.startsWith('..') && !path.isAbsolute(inside);
    const root = isInside ? this.#folder!.root : path.dirname(path.resolve(file));
    const raw = await readTaskFile(file, root, this.#signal);
    return this.#ofConfig(raw, { file: path.resolve(file), overrides: {}, within: [] });
  }

  async #ofConfig(
    raw: RawConfig,
    place: { readonly file: string; readonly overrides: RawConfig; readonly within: readonly string[] },
  ): Promise<readonly (Task | TaskGroup)[]> {
    if (raw.group !== undefined && raw.class === undefined) return [await buildGroup(raw, place, this)];
    return [await buildTask({ ...raw, ...place.overrides }, place.file)];
  }
}

/** Results are told by names: two different tasks of one name would be one. */
function refuseTwins(found: readonly (Task | TaskGroup)[]): void {
  const byName = new Map<string, Task>();
  for (const task of found.flatMap(leaves)) {
    const other = byName.get(task.task);
    if (other !== undefined && other !== task) {
      throw new MoepressError('TASK_INVALID', {
        message: `The task ${task.task} is asked for twice, in different ways.`,
        where: task.task,
        hint: 'Evaluate the groups that it is part of one after the other.',
      });
    }
    byName.set(task.task, task);
  }
}
