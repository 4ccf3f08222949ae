import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type InstalledPlugin, MoepressError } from '@moepress/core';
import {
  type Declared,
  declaredIn,
  dependenciesOf,
  isPackage,
  isPlugin,
  type Manifest,
  methodNamedBy,
  readManifest,
} from './plugin-manifest.js';
import { distrustOf, trustedAncestors } from './plugin-project.js';

/** A plugin's package on disk. */
export interface PluginPackage {
  readonly name: string;
  /** Folder of the package, or the file of a plugin without one. */
  readonly path: string;
  readonly version: string;
  /** What it provides, as its package.json declares; null where only the plugin itself knows. */
  readonly declared: Declared | null;
}

const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i;

/** The plugin of that name as seen from a folder; undefined if it is not installed, or where others may put files. */
export function installedAt(root: string, name: string): PluginPackage | undefined {
  if (!packageName.test(name)) return undefined;
  for (const folder of trustedAncestors(root)) {
    const path = join(folder, 'node_modules', name);
    if (!isPackage(path)) continue;
    const manifest = readManifest(path);
    if (!manifest || !isPlugin(manifest) || !isTrusted(path)) return undefined;
    return {
      ...packageIn(path, name, manifest),
      declared: declaredIn(manifest) ?? { methods: methodNamedBy(name) },
    };
  }
  return undefined;
}

/** A package may be a link to where it is developed. */
const isTrusted = (path: string): boolean => distrustOf(realpathSync(path)) === null;

/** Plugins that the command itself depends on. */
export const bundledWith = (own: string): string[] => dependenciesOf(readManifest(own));

/**
 * Names of packages that the user has installed next to the command: all, where `npm install --global` did, and where there is
 * a package.json, as of a project or of npx, those that it asks for.
 */
export function besideCommand(own: string): string[] {
  const folder = dirname(own);
  if (basename(folder) !== 'node_modules') return [];
  const project = readManifest(dirname(folder));
  if (project) return dependenciesOf(project);
  return namesIn(folder).flatMap((name) =>
    name.startsWith('@') ? namesIn(join(folder, name)).map((inner) => `${name}/${inner}`) : [name],
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What a path that the user gave leads to: the folder of a package, or a module. Throws `INPUT_INVALID`. */
export function pluginAt(given: string, base: string, where = 'plugins'): PluginPackage {
  const path = resolve(base, given);
  const info = statSync(path, { throwIfNoEntry: false });
  const manifest = info?.isDirectory() ? readManifest(path) : undefined;
  if (manifest) return packageIn(path, nameOf(manifest, path), manifest);
  if (info?.isFile()) {
    const name = basename(path).replace(/\.[cm]?js$/, '');
    return { name, path, version: '0.0.0', declared: null };
  }
  throw new MoepressError('INPUT_INVALID', {
    message: info
      ? `${given} is neither a module nor a folder with a package.json.`
      : `There is no ${given}.`,
    where,
    hint: "Give the folder of a plugin's package, or its module.",
  });
}

const nameOf = ({ name }: Manifest, path: string): string =>
  typeof name === 'string' && packageName.test(name) ? name : basename(path);

function packageIn(path: string, name: string, manifest: Manifest): PluginPackage {
  return {
    name,
    path,
    version: typeof manifest.version === 'string' ? manifest.version : '0.0.0',
    declared: declaredIn(manifest),
  };
}

export const asInstalled = ({ name, declared }: PluginPackage): InstalledPlugin => ({
  package: name,
  methods: [],
  refiners: [],
  ...declared,
});
