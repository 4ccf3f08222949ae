import { checkPlugin, type InstalledPlugin, type PackageHost, providedBy } from '@moepress/core';
import { packageRoot } from '../package-root.js';
import { importPlugin } from './import-plugin.js';
import { officialPackage } from './official-plugins.js';
import {
  asInstalled,
  besideCommand,
  bundledWith,
  installedAt,
  type PluginPackage,
  pluginAt,
} from './plugin-packages.js';
import { findProject } from './plugin-project.js';

export interface HostOptions {
  /** The user's working folder. */
  readonly cwd?: string;
  /** Folder of the command. */
  readonly own?: string;
  /** Paths or names that the user gave as `--plugin`. */
  readonly asked?: readonly string[];
  /** Called for plugins that are not used although a project names them. */
  readonly tell?: (message: string) => void;
}

/** The sources of plugins. */
export interface Plugins {
  /** All that the user has installed. */
  readonly installed: PackageHost;
  /** Plugins that came with the command, and those named by `--plugin`. */
  readonly bundled: PackageHost;
  /** Those of the first that are not among the second: nothing of them has been loaded. */
  others(): readonly InstalledPlugin[];
}

/**
 * Finds plugins where the user installed them and nowhere else: those named by `--plugin`; the dependencies of the
 * project that the user stands in, which may so bring its own version of a method, unless that is a model's folder or
 * others may put files there (see `findProject`); those that the command depends on; and those beside the command.
 * Nothing is loaded before a method is asked for.
 */
export function findPlugins({
  cwd = process.cwd(),
  own = packageRoot,
  asked = [],
  tell = () => {},
}: HostOptions = {}): Plugins {
  const project = findProject(cwd, tell);
  const ofProject = project
    ? [
        ...project.paths.map((path) => pluginAt(path, project.folder, 'moepress.config.json')),
        ...project.names.flatMap((name) => installedAt(project.folder, name) ?? []),
      ]
    : [];
  const ofCommand = bundledWith(own).flatMap((name) => installedAt(own, name) ?? []);
  const beside = besideCommand(own).flatMap((name) => installedAt(own, name) ?? []);
  const named = asked.map(
    (given) =>
      [...ofProject, ...ofCommand, ...beside].find(({ name }) => name === given) ?? pluginAt(given, cwd),
  );
  const bundled = distinct([...named, ...ofCommand]);
  const installed = distinct([...named, ...ofProject, ...ofCommand, ...beside]);
  const isBundled = new Set(bundled.map(({ name }) => name));
  return {
    installed: hostOf(installed),
    bundled: hostOf(bundled),
    others: () => installed.filter(({ name }) => !isBundled.has(name)).map(asInstalled),
  };
}

/** The first of each name. */
function distinct(packages: readonly PluginPackage[]): PluginPackage[] {
  const found = new Map(packages.toReversed().map((one) => [one.name, one]));
  return packages.filter((one) => found.get(one.name) === one);
}

function hostOf(packages: readonly PluginPackage[]): PackageHost {
  return {
    installed: () => Promise.all(packages.map(describe)),
    async load(name) {
      const found = packages.find((one) => one.name === name);
      return found ? { version: found.version, plugin: await importPlugin(found) } : null;
    },
    offering: officialPackage,
  };
}

/** A package that declares nothing was named by the user, so that it may be asked itself. */
async function describe(found: PluginPackage): Promise<InstalledPlugin> {
  if (found.declared !== null) return asInstalled(found);
  return { package: found.name, ...providedBy(checkPlugin(await importPlugin(found), found.path)) };
}
