import { registerArchitectures } from '@moepress/checkpoint';
import { budgetNameOf, isKnownBudget, type PluginKind, registerBudgets } from '@moepress/core';
import {
  announceTasks,
  announceTextSets,
  type CalibrationPart,
  findKnown,
  hasTextSet,
  matchesGlob,
  namedSetNames,
  registerTasks,
  registerTextSets,
} from '@moepress/harness';
import { type FindOptions, openPlugins } from './find-methods.js';

/**
 * Makes the tasks that names and patterns (`quiz_*`) stand for known, where installed plugins declare them; no other plugin is
 * loaded. What is unknown afterwards is so to whoever looks for it. Throws `PLUGIN_INVALID`.
 */
export async function useTasks(names: readonly unknown[], options: FindOptions): Promise<void> {
  const unknown = names.filter((name) => typeof name === 'string').filter((name) => !findKnown(name));
  if (unknown.length === 0) return;
  const { installed } = openPlugins(options);
  const declared = await installed.names('tasks');
  announceTasks(declared);
  const wanted = declared.filter((name) => unknown.some((one) => one === name || matchesGlob(one, name)));
  for (const name of wanted) {
    const one = (await installed.declared('tasks', name))!;
    registerTasks([one.found], one.origin);
  }
}

/**
 * The same for what a calibration set is made of: sets of plugins by name, and splits of their tasks. `files` are names of sets
 * that are files.
 */
export async function useTexts(
  parts: readonly CalibrationPart[],
  files: readonly string[],
  options: FindOptions,
): Promise<void> {
  await useTasks(
    parts.flatMap(({ source }) => (source.kind === 'task' ? [source.task] : [])),
    options,
  );
  const known = [...files, ...namedSetNames()];
  const names = parts.flatMap(({ source }) => (source.kind === 'named' ? [source.name] : []));
  const unknown = names.filter((one) => !known.includes(one) && !hasTextSet(one));
  if (unknown.length === 0) return;
  const { installed } = openPlugins(options);
  announceTextSets(await installed.names('calibrationSets'));
  for (const name of unknown) {
    const one = await installed.declared('calibrationSets', name);
    if (one) registerTextSets([one.found], one.origin, known);
  }
}

/**
 * Makes the budget that a method's option `budget` names known, if an installed plugin declares it; what else stands there is for
 * the method to refuse. Throws `PLUGIN_INVALID`.
 */
export async function useBudget(choice: unknown, options: FindOptions): Promise<void> {
  const name = budgetNameOf(choice);
  if (name === null || isKnownBudget(name)) return;
  const one = await openPlugins(options).installed.declared('budgets', name);
  if (one) registerBudgets([one.found], one.origin);
}

/** Makes a family of models known, if an installed plugin declares it. Throws `PLUGIN_INVALID`. */
export async function useArchitecture(modelType: string, options: FindOptions): Promise<boolean> {
  const one = await openPlugins(options).installed.declared('architectures', modelType);
  if (one) registerArchitectures([one.found], one.origin);
  return one !== null;
}

/** Names that installed plugins declare, with their packages; no plugin is loaded. */
export async function declaredNames(
  kind: PluginKind,
  options: FindOptions,
): Promise<readonly { readonly name: string; readonly package: string }[]> {
  const packages = await openPlugins(options).packages();
  return packages.flatMap((one) => (one[kind] ?? []).map((name) => ({ name, package: one.package })));
}
