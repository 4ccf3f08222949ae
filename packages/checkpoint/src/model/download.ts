import type { Work } from '@moepress/core';
import { adapterConfigFile } from '../adapter/adapter-config.js';
import { adapterFile } from '../adapter/adapter-weights.js';
import { isCompanion } from '../folder/own-files.js';
import { listShards } from '../folder/weights.js';
import { fetchHubFiles } from '../hub/fetch-files.js';
import { indexFile, singleFile } from '../safetensors/read.js';
import { readModelConfig } from './config.js';

/**
 * Brings a Hub model into the Hugging Face cache as a checkpoint folder: config, safetensors weights,
 * tokenizer and card. Throws what `fetchHubFiles`, `readModelConfig` and `listShards` throw.
 */
export async function downloadModel(
  id: string,
  revision: string,
  work: Work,
): Promise<{ readonly directory: string; readonly commit: string }> {
  const model = { type: 'model', id } as const;
  let isSingle = false;
  let isAdapter = false;
  const { directory, commit } = await fetchHubFiles(
    { ...model, revision },
    ({ path }) => {
      isSingle ||= path === singleFile;
      isAdapter ||= path === adapterConfigFile;
      return isSmall(path);
    },
    work,
  );
  // Its base is a repository of its own, which its config names.
  if (isAdapter) {
    await fetchHubFiles({ ...model, revision: commit }, ({ path }) => path === adapterFile, work);
    return { directory, commit };
  }
  // A family that is not known is better found out before gigabytes have come.
  await readModelConfig(directory);
  const weights = new Set(isSingle ? [singleFile] : await listShards(directory));
  await fetchHubFiles({ ...model, revision: commit }, ({ path }) => weights.has(path), work);
  return { directory, commit };
}

/** Files beside the weights, none of them in a folder. */
function isSmall(path: string): boolean {
  if (path.includes('/')) return false;
  const named = ['config.json', 'README.md', indexFile, adapterConfigFile];
  return named.includes(path) || isCompanion(path);
}
