import { checkPlugin, type Plugin, pluginKinds } from '@moepress/core';
import { type Check, type ConformanceOptions, hold } from './checks/check.js';
import { architectureChecks } from './kinds/architecture-checks.js';
import { budgetChecks } from './kinds/budget-checks.js';
import { exporterChecks } from './kinds/exporter-checks.js';
import { refinerChecks } from './kinds/refiner-checks.js';
import { taskChecks } from './kinds/task-checks.js';
import { textSetChecks } from './kinds/text-set-checks.js';
import { methodChecks } from './methods/method-checks.js';

/**
 * What registers a test: `test` of vitest, of node:test or of another runner. The third argument is the longest time that the test
 * may take in milliseconds, for runners that would end it after a few seconds.
 */
export type RegisterTest = (name: string, run: () => Promise<void>, timeout: number) => unknown;

/** On a slow machine a check may take some seconds, because it runs models; none ever takes minutes. */
const longest = 120_000;

/**
 * Everything that must hold for a plugin, each as a check with a name. Nothing is run yet. Throws `PLUGIN_INVALID` for what is
 * no plugin, and an Error for an exception of a check that there is not.
 */
export function checksOf(plugin: Plugin, options: ConformanceOptions = {}): Check[] {
  const checked = checkPlugin(plugin, plugin?.name ?? 'the plugin');
  const checks = [
    ...pluginKinds.methods.of(checked).flatMap((method) => methodChecks(method, options)),
    ...refinerChecks(checked, options),
    ...budgetChecks(checked, options),
    ...taskChecks(checked, options),
    ...textSetChecks(checked, options),
    ...exporterChecks(checked, options),
    ...architectureChecks(checked, options),
  ];
  hold(checks.length > 0, `The plugin "${checked.name}" provides nothing.`);
  const { except = {} } = options;
  const unknown = Object.keys(except).find((name) => !checks.some((check) => check.name === name));
  hold(
    unknown === undefined,
    `There is no check "${unknown}" to be excepted: they are ${checks.map(({ name }) => name).join('; ')}.`,
  );
  return checks.filter(({ name }) => !Object.hasOwn(except, name));
}

/**
 * Registers a test for everything that must hold for a plugin: `conformance(plugin, test)` in a test file. Throws what
 * `checksOf` throws.
 */
export function conformance(plugin: Plugin, test: RegisterTest, options: ConformanceOptions = {}): void {
  for (const { name, run } of checksOf(plugin, options)) test(name, run, longest);
}
