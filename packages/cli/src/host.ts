import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type InstalledPlugin, MoepressError, type PackageHost } from '@moepress/core';

/** The part of a package.json that matters here; it comes from anyone, so nothing in it is certain. */
type Manifest = Readonly<Record<string, unknown>>;

const ownDirectory = fileURLToPath(new URL('..', import.meta.url));
const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i;
const pluginKeyword = 'moepress-plugin';

/**
 * Finds plugins among the dependencies of the project the user stands in and of this command, the project
 * first, so that it may bring its own version of a method. `cwd` and `own` are folders.
 */
export function createPackageHost(cwd = process.cwd(), own = ownDirectory): PackageHost {
  const roots = [...nearestProject(cwd), own];

  const find = (name: string) => roots.map((root) => resolvePackage(root, name)).find(Boolean);

  return {
    async installed() {
      const names = new Set(roots.flatMap((root) => dependenciesOf(readManifest(root))));
      return [...names].flatMap((name): InstalledPlugin[] => {
        const directory = find(name);
        const manifest = directory && readManifest(directory);
        if (!manifest || !isPlugin(manifest)) return [];
        const declared = (what: string) => declaredIn(manifest, what);
        const methods = declared('methods') ?? methodNamedBy(name);
        return [{ package: name, methods, refiners: declared('refiners') ?? [] }];
      });
    },

    async load(name) {
      const directory = find(name);
      const manifest = directory && readManifest(directory);
      if (!manifest) return null;
      const version = typeof manifest.version === 'string' ? manifest.version : '0.0.0';
      try {
        const entry = join(directory, entryOf(manifest));
        const module: { default?: unknown } = await import(pathToFileURL(entry).href);
        return { version, plugin: module.default };
      } catch (cause) {
        throw new MoepressError('PLUGIN_INVALID', {
          message: `${name} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
          where: directory,
          mend: 'Install the package again, or report this to its author.',
          cause,
        });
      }
    },
  };
}

/** The nearest folder with a package.json at or above `directory`, if any. */
function nearestProject(directory: string): string[] {
  return ancestors(directory)
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .slice(0, 1);
}

/** The folder of an installed package as seen from `root`, whatever its package.json exports. */
function resolvePackage(root: string, name: string): string | undefined {
  if (!packageName.test(name)) return undefined;
  return ancestors(root)
    .map((folder) => join(folder, 'node_modules', name))
    .find((folder) => existsSync(join(folder, 'package.json')));
}

function ancestors(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...ancestors(parent)];
}

function readManifest(directory: string): Manifest | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return isRecord(manifest) ? manifest : undefined;
  } catch {
    // A broken package is as good as none; looking for methods must not fail because of a stranger.
    return undefined;
  }
}

function dependenciesOf(manifest: Manifest | undefined): string[] {
  const fields = ['dependencies', 'optionalDependencies', 'devDependencies'];
  return fields.flatMap((field) => {
    const entries = manifest?.[field];
    return isRecord(entries) ? Object.keys(entries) : [];
  });
}

function isPlugin(manifest: Manifest): boolean {
  const { keywords } = manifest;
  return isRecord(manifest.moepress) || (Array.isArray(keywords) && keywords.includes(pluginKeyword));
}

/** Names under a key of `"moepress": { "methods": [...] }`; undefined if it is not there. */
function declaredIn(manifest: Manifest, what: string): string[] | undefined {
  const declared = isRecord(manifest.moepress) ? manifest.moepress[what] : undefined;
  return Array.isArray(declared) ? declared.filter((name) => typeof name === 'string') : undefined;
}

/** The method a package is named after. */
function methodNamedBy(name: string): string[] {
  const named = /(?:^moepress-|\/)plugin-(.+)$/.exec(name)?.[1];
  return named ? [named] : [];
}

/** The module a package is imported by: `exports` for ESM on Node, else `main`. */
function entryOf(manifest: Manifest): string {
  const { exports, main } = manifest;
  const root = isRecord(exports) && '.' in exports ? exports['.'] : exports;
  return targetOf(root) ?? (typeof main === 'string' ? main : 'index.js');
}

function targetOf(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (!isRecord(target)) return undefined;
  const condition = Object.keys(target).find((key) =>
    ['node', 'import', 'module-sync', 'default'].includes(key),
  );
  return condition === undefined ? undefined : targetOf(target[condition]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
