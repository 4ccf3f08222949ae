import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MoepressError } from '@moepress/core';
import { resolveModulePath } from 'exsolve';
import { readManifest } from './plugin-manifest.js';
import type { PluginPackage } from './plugin-packages.js';

/** The default export of a plugin's module. Throws `PLUGIN_INVALID`, with how to install what it lacks. */
export async function importPlugin({ name, path }: PluginPackage): Promise<unknown> {
  try {
    const module: { default?: unknown } = await import(pathToFileURL(entryOf(path)).href);
    return module.default;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const lacking = /^Cannot find package '([^']+)'/.exec(message)?.[1];
    throw new MoepressError('PLUGIN_INVALID', {
      message: `${name} could not be loaded: ${lacking ? `it needs ${lacking}, which is not installed.` : message}`,
      where: path,
      hint: lacking
        ? howToInstall(lacking, path)
        : 'Install the package again, or report this to its author.',
      // Where it failed says nothing of what is not there.
      ...(!lacking && { cause }),
    });
  }
}

/** The module of a package, as Node resolves it for `import`: by `exports`, else by `main`. A file is its own. */
function entryOf(path: string): string {
  const manifest = readManifest(path);
  if (!manifest) return path;
  const { name, exports } = manifest;
  // A package may import itself by its name, which goes through its `exports`.
  if (exports !== undefined && exports !== null && typeof name === 'string') {
    return resolveModulePath(name, { from: pathToFileURL(join(path, 'package.json')), cache: false });
  }
  return createRequire(join(path, 'package.json')).resolve(path);
}

/** Node looks for dependencies from where a file really is, and not from the link to it. */
function howToInstall(dependency: string, path: string): string {
  const real = realpathSync(path);
  if (real.includes(`${sep}node_modules${sep}`)) return `Install it: npm install ${dependency}`;
  return `Run npm install in ${real}, or install a copy of it here instead of a link: npm install --install-links ${real}`;
}
