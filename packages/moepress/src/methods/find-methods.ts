import {
  type Compressor,
  checkPlugin,
  dropLowest,
  type FoundMethod,
  type FoundRefiner,
  type InstalledPlugin,
  type PackageHost,
  type Plugin,
  PluginRegistry,
  providedBy,
  type Refiner,
  type Scorer,
} from '@moepress/core';
import { invalidOption, isObject } from '../check-options.js';
import { type PluginsOption, type WorkOptions, workOf } from '../options.js';
import { findPlugins, type Plugins } from './plugin-host.js';

/** A method by its name, itself, or with the package that it came from; a ranking of experts, of which the lowest go. */
export type MethodInput = string | Compressor | Scorer | FoundMethod;

export type RefinerInput = string | Refiner | FoundRefiner;

export interface FindOptions extends Pick<WorkOptions, 'onProgress'> {
  readonly plugins?: PluginsOption | undefined;
}

/** The plugins that methods are looked for in. */
export interface OpenedPlugins {
  /** Methods of all installed plugins. */
  readonly installed: PluginRegistry;
  /**
   * Methods of plugins that come with moepress and of those asked for: no other plugin is loaded unless one of its
   * methods is.
   */
  readonly bundled: PluginRegistry;
  readonly others: Plugins['others'];
  /** All of them, as their packages declare. */
  packages(): Promise<readonly InstalledPlugin[]>;
}

export function openPlugins({ plugins = [], ...options }: FindOptions): OpenedPlugins {
  const { progress } = workOf(options);
  const found = findPlugins({
    asked: plugins.filter((plugin) => typeof plugin === 'string'),
    tell: (message) => progress?.({ type: 'warning', message }),
  });
  const given = plugins.filter((plugin) => typeof plugin === 'object');
  const installed = withGiven(given, found.installed);
  return {
    installed: new PluginRegistry(installed),
    bundled: new PluginRegistry(withGiven(given, found.bundled)),
    others: found.others,
    packages: () => installed.installed(),
  };
}

/** Throws `INPUT_INVALID`, `METHOD_UNKNOWN` with a suggestion, and `PLUGIN_INVALID`. */
export async function findMethod(method: MethodInput, options: FindOptions): Promise<FoundMethod> {
  checkNamed({ where: 'method', value: method });
  if (typeof method === 'string') return openPlugins(options).installed.find(method);
  if ('compressor' in method) return method;
  return { compressor: 'score' in method ? dropLowest(method) : method, origin };
}

/** Throws `INPUT_INVALID`, `METHOD_UNKNOWN` with a suggestion, and `PLUGIN_INVALID`. */
export async function findRefiner(refiner: RefinerInput, options: FindOptions): Promise<FoundRefiner> {
  checkNamed({ where: 'refiner', value: refiner });
  if (typeof refiner === 'string') return openPlugins(options).installed.findRefiner(refiner);
  return 'refiner' in refiner ? refiner : { refiner, origin };
}

/** Throws `INPUT_INVALID` for what is neither a name nor a method or refiner. */
function checkNamed({
  where,
  value,
}: {
  readonly where: 'method' | 'refiner';
  readonly value: unknown;
}): void {
  if (typeof value === 'string' || isObject(value)) return;
  throw invalidOption({ where, value }, `the name of a ${where}, or a ${where}`);
}

/** What a plan says of a method that a program made itself. */
const origin = { package: 'program', version: '0.0.0' };

/** Plugins that are there already, before those of a host. */
function withGiven(given: readonly Plugin[], host: PackageHost): PackageHost {
  if (given.length === 0) return host;
  return {
    installed: async () => [
      ...given.map((plugin) => ({
        package: plugin.name,
        ...providedBy(checkPlugin(plugin, 'plugins')),
      })),
      ...(await host.installed()),
    ],
    async load(name) {
      const plugin = given.find((one) => one.name === name);
      return plugin ? { version: origin.version, plugin } : host.load(name);
    },
  };
}
