import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MoepressError, shown } from '@moepress/core';
import { resolveModulePath } from 'exsolve';
import { packageRoot } from '../package-root.js';
import { isRecord, readManifest } from './plugin-manifest.js';
import type { PluginPackage } from './plugin-packages.js';

/** The default export of a plugin's module. Throws `PLUGIN_INVALID`, with how to install or build what it lacks. */
export async function importPlugin({ name, path }: PluginPackage): Promise<unknown> {
  const entry = entryOf(path);
  const invalid = (problem: string, hint: string, cause?: unknown) =>
    new MoepressError('PLUGIN_INVALID', {
      message: `${name} could not be loaded: ${problem}`,
      where: path,
      hint,
      cause,
    });
  if (entry === null)
    throw invalid(`${entryNamed(path)}, and there is no such module for import.`, howToBuild(path));
  if (/\.[cm]?tsx?$/.test(entry)) {
    throw invalid(
      `its module ${entry} is TypeScript: the JavaScript that is built from it was wanted.`,
      howToBuild(path),
    );
  }
  try {
    const { default: plugin } = (await import(pathToFileURL(entry).href)) as { default?: unknown };
    return ofTranspiled(plugin);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const lacking = /^Cannot find package '([^']+)'/.exec(message)?.[1];
    // Where it failed says nothing of what is not there.
    if (lacking) throw invalid(`it needs ${lacking}, which is not installed.`, howToInstall(lacking, path));
    const other = otherVersion(path, message);
    throw invalid(message, other ?? 'Install the package again, or report this to its author.', cause);
  }
}

/** The module of a package, as Node resolves it for `import`: by `exports`, else by `main`; null if there is none. A file is its own. */
function entryOf(path: string): string | null {
  const manifest = readManifest(path);
  if (!manifest) return path;
  const { name, exports } = manifest;
  try {
    // A package may import itself by its name, which goes through its `exports`.
    if (exports !== undefined && exports !== null && typeof name === 'string') {
      return resolveModulePath(name, { from: pathToFileURL(join(path, 'package.json')), cache: false });
    }
    return createRequire(join(path, 'package.json')).resolve(path);
  } catch {
    return null;
  }
}

/** What the package.json says of the module. */
function entryNamed(path: string): string {
  const { exports, main } = readManifest(path) ?? {};
  if (exports !== undefined && exports !== null) return `its package.json has "exports": ${shown(exports)}`;
  return `its package.json has "main": ${shown(main ?? 'index.js')}`;
}

const howToBuild = (path: string): string =>
  `Build it, if it is yours (npm run build in ${realpathSync(path)}), and let "exports" of its package.json name what was built; else report this to its author.`;

/** What TypeScript and Babel make of an ES module for `require` has the default export as a field. */
function ofTranspiled(plugin: unknown): unknown {
  const isTranspiled = typeof plugin === 'object' && plugin !== null && '__esModule' in plugin;
  return isTranspiled && 'default' in plugin ? plugin.default : plugin;
}

/** How to get versions that fit, where a plugin asks one of our packages for what it does not have. */
function otherVersion(path: string, message: string): string | undefined {
  const asked = /^The requested module '(@moepress\/[\w-]+)[^']*' does not provide an export/.exec(
    message,
  )?.[1];
  if (!asked) return undefined;
  const { peerDependencies } = readManifest(path) ?? {};
  const range = isRecord(peerDependencies) ? peerDependencies[asked] : undefined;
  const wanted = typeof range === 'string' ? `${asked} ${range}` : `another version of ${asked}`;
  return `It asks for ${wanted}, and ${ownVersion()} is here: update moepress, or install a version of the plugin that fits.`;
}

const ownVersion = (): string => String(readManifest(packageRoot)?.version);

/** Node looks for dependencies from where a file really is, and not from the link to it. */
function howToInstall(dependency: string, path: string): string {
  const real = realpathSync(path);
  if (real.includes(`${sep}node_modules${sep}`)) return `Install it: npm install ${dependency}`;
  return `Run npm install in ${real}, or install a copy of it here instead of a link: npm install --install-links ${real}`;
}
