import { architectures } from '@moepress/checkpoint';
import {
  findTaskOrGroup,
  isGroup,
  knownNames,
  leaves,
  matchesGlob,
  openTasks,
  taskNames,
} from '@moepress/harness';
import type { FindOptions } from './methods/find-methods.js';
import { openPlugins } from './methods/find-methods.js';
import { declaredNames } from './methods/use-plugins.js';

/** A method or a refiner of an installed plugin. */
export interface ListedMethod {
  readonly name: string;
  readonly kind: 'method' | 'refiner';
  readonly package: string;
}

/** The methods that installed plugins declare; no plugin is loaded for this. */
export async function listMethods(options: FindOptions = {}): Promise<ListedMethod[]> {
  const installed = await openPlugins(options).packages();
  return installed.flatMap(({ package: name, methods, refiners }) => [
    ...methods.map((method): ListedMethod => ({ name: method, kind: 'method', package: name })),
    ...refiners.map((refiner): ListedMethod => ({ name: refiner, kind: 'refiner', package: name })),
  ]);
}

export interface ListedTask {
  readonly name: string;
  /** The tasks of a group; the task itself otherwise. */
  readonly tasks: readonly string[];
}

/** The tasks and groups that `evaluate` knows by name, without those that are part of a group. */
export function listTasks(): ListedTask[] {
  return taskNames().map((name) => {
    const found = findTaskOrGroup(name);
    return { name, tasks: isGroup(found) ? leaves(found).map(({ task }) => task) : [name] };
  });
}

export interface TaskSearch {
  /** What names or tags hold, upper case or lower, or a pattern (`arc_*`) that names follow; all if absent. */
  readonly search?: string | undefined;
  /** A folder of task files of lm-evaluation-harness. */
  readonly includePath?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly plugins?: FindOptions['plugins'];
}

export interface FoundTask {
  readonly name: string;
  readonly kind: 'task' | 'group' | 'tag';
  /** What is asked of the model; null for groups and tags, and where the task file does not say it plainly. */
  readonly outputType: string | null;
  readonly tags: readonly string[];
  /** The task file; null for tasks that come with moepress. */
  readonly file: string | null;
  /** The plugin that declares it; null for all other tasks. */
  readonly package: string | null;
}

export interface FoundTasks {
  /** By name. */
  readonly tasks: readonly FoundTask[];
  /** Task files that cannot be read, with the reason. */
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
}

/** Looks for tasks, groups and tags that `evaluate` takes. Throws `TASK_INVALID` for what is no folder. */
export async function searchTasks({
  search = '',
  plugins,
  ...sources
}: TaskSearch = {}): Promise<FoundTasks> {
  const { entries, broken } = await openTasks(sources);
  const ofFolder = [...entries.values()].map(
    (entry): FoundTask =>
      entry.kind === 'tag'
        ? { name: entry.name, kind: 'tag', outputType: null, tags: [], file: null, package: null }
        : {
            name: entry.name,
            kind: entry.kind,
            outputType: entry.outputType ?? null,
            tags: entry.tags,
            file: entry.file,
            package: null,
          },
  );
  const own = knownNames()
    .filter((name) => !entries.has(name))
    .map((name): FoundTask => {
      const found = findTaskOrGroup(name);
      return isGroup(found)
        ? { name, kind: 'group', outputType: null, tags: [], file: null, package: null }
        : { name, kind: 'task', outputType: found.output_type, tags: [], file: null, package: null };
    });
  // What they are is known to the plugins alone, which are not loaded for this.
  const ofPlugins = (await declaredNames('tasks', { plugins }))
    .filter(({ name }) => !entries.has(name) && !own.some((one) => one.name === name))
    .map((one): FoundTask => ({ ...one, kind: 'task', outputType: null, tags: [], file: null }));
  const tasks = [...ofFolder, ...own, ...ofPlugins].filter(({ name, tags }) =>
    matchesSearch(search, [name, ...tags]),
  );
  return { tasks: tasks.sort((a, b) => (a.name < b.name ? -1 : 1)), broken };
}

function matchesSearch(search: string, texts: readonly string[]): boolean {
  if (/[*?[]/.test(search)) return matchesGlob(search, texts[0]!);
  return texts.some((text) => text.toLowerCase().includes(search.toLowerCase()));
}

export interface ListedFamily {
  /** `model_type` of a config.json. */
  readonly modelType: string;
  readonly title: string;
}

/** The families of models that can be opened and written. */
export const listFamilies = (): ListedFamily[] =>
  architectures.map(({ modelType, title }) => ({ modelType, title }));
