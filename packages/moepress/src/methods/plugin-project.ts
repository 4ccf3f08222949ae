import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { dependenciesOf, readJson, readManifest } from './plugin-manifest.js';

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
  const isPath = (name: string) => name.startsWith('.') || isAbsolute(name);
  return {
    folder,
    names: [...dependenciesOf(readManifest(folder)), ...named.filter((name) => !isPath(name))],
    paths: named.filter(isPath),
  };
}

/** A folder and all that it lies in, the innermost first. */
export function ancestors(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...ancestors(parent)];
}

/** What weights are stored in. */
const weightsName = /\.(safetensors|gguf|ckpt)$|^pytorch_model.*\.bin$|^adapter_config\.json$/;

/** Whether a folder is that of a model: data from whoever made it, with whatever else lies in it. */
export function isCheckpoint(folder: string): boolean {
  const config = readJson(join(folder, 'config.json'));
  if (config && ('model_type' in config || 'architectures' in config)) return true;
  try {
    return readdirSync(folder).some((name) => weightsName.test(name));
  } catch {
    return false;
  }
}

/** Why code in a folder is not to be run: others than the user and the system's owner may have put it there. */
export function distrustOf(folder: string): string | null {
  if (process.getuid === undefined) return null;
  const info = statSync(folder, { throwIfNoEntry: false });
  if (!info) return null;
  if ((info.mode & 0o002) !== 0) return `everybody may write to ${folder}`;
  if (info.uid !== 0 && info.uid !== process.getuid()) return `${folder} is another user's`;
  return null;
}

/** A folder and those it lies in, up to where others may put files. */
export function trustedAncestors(directory: string): string[] {
  const all = ancestors(directory);
  const end = all.findIndex((folder) => distrustOf(folder) !== null);
  return end < 0 ? all : all.slice(0, end);
}
