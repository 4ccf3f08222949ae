import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readJson } from './plugin-manifest.js';

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
