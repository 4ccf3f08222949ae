import { architectures } from '@moepress/checkpoint';
import { findTaskOrGroup, isGroup, leaves, taskNames } from '@moepress/harness';
import type { FindOptions } from './methods/find-methods.js';
import { openPlugins } from './methods/find-methods.js';

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

export interface ListedFamily {
  /** `model_type` of a config.json. */
  readonly modelType: string;
  readonly title: string;
}

/** The families of models that can be opened and written. */
export const listFamilies = (): ListedFamily[] =>
  architectures.map(({ modelType, title }) => ({ modelType, title }));
