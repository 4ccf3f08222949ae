import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dependenciesOf, readJson, readManifest } from './plugin-manifest.js';
import { ancestors, distrustOf, isCheckpoint } from './plugin-trust.js';

/** Where a project may name plugins that are not among its dependencies: `{ "plugins": ["name", "./folder"] }`. */
const configName = 'moepress.config.json';

/** The project that the user stands in, as far as plugins go. */
export interface Project {
  readonly folder: string;
  /** Packages that its package.json depends on, and names in `moepress.config.json`. */
  readonly names: readonly string[];
  /** Paths in `moepress.config.json`, relative to the project. */
  readonly paths: readonly string[];
}

/**
 * The nearest project at or above a folder. There is none where the way up leads through a checkpoint, which is data
 * of whoever made it, or through a folder that others may put files in: then `tell` hears why, if there is one.
 */
export function findProject(directory: string, tell: (message: string) => void): Project | null {
  let isWithinCheckpoint = false;
  for (const folder of ancestors(directory)) {
    isWithinCheckpoint ||= isCheckpoint(folder);
    const found = projectIn(folder);
    const why = isWithinCheckpoint ? `${directory} is within a model's folder` : distrustOf(folder);
    if (why !== null) {
      if (found && found.names.length + found.paths.length > 0) {
        tell(
          `Plugins that ${folder} names are not used: ${why}. Give the paths of those you trust as \`plugins\`.`,
        );
      }
      return null;
    }
    if (found) return found;
  }
  return null;
}

function projectIn(folder: string): Project | null {
  const isThere = ['package.json', configName].some((name) => existsSync(join(folder, name)));
  if (!isThere) return null;
  const plugins = readJson(join(folder, configName))?.plugins;
  const named = Array.isArray(plugins) ? plugins.filter((name) => typeof name === 'string') : [];
  const isPath = (name: string) => name.startsWith('.') || name.startsWith('/');
  return {
    folder,
    names: [...dependenciesOf(readManifest(folder)), ...named.filter((name) => !isPath(name))],
    paths: named.filter(isPath),
  };
}
