import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Model, MoepressError, throwIfAborted, type Work } from '@moepress/core';
import { z } from 'zod';
import { findArchitecture } from '../architectures/index.js';
import { readFamilyConfig } from '../config/family.js';
import { ConfigReader } from '../config/reader.js';
import { readJsonFile } from '../folder/json.js';
import { openWeights } from '../folder/weights.js';
import { buildBlock } from './build.js';
import { readCompactRecord, stockConfig } from './compact.js';
import { TensorSource } from './tensors.js';

export interface OpenOptions extends Work {
  /** Branch, tag or commit of a Hub model; default `main`. */
  readonly revision?: string | undefined;
}

/**
 * Opens a checkpoint as a Model: a folder, stock or written by moepress in the compact layout, or a
 * Hub id, which is downloaded into the Hugging Face cache first unless it is there. Headers and
 * configs are read and checked, weights are not, so opening takes milliseconds.
 *
 * Throws `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_INVALID`, `CHECKPOINT_INDEX_INVALID`; `CONFIG_INVALID`,
 * `CONFIG_UNSUPPORTED`, `ARCHITECTURE_UNKNOWN`; `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`;
 * for a Hub id also `HUB_NOT_FOUND`, `HUB_FORBIDDEN`, `HUB_UNREACHABLE`, `DISK_FULL`, `ABORTED`.
 */
export async function openModel(id: string, options: OpenOptions = {}): Promise<Model> {
  throwIfAborted(options.signal);
  const { directory, revision } = await findCheckpoint(id, options);
  return openFolder(directory, id, revision);
}

/** `organisation/name`, as the Hub writes it. */
const hubId = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;

async function findCheckpoint(
  id: string,
  { revision = 'main', ...work }: OpenOptions,
): Promise<{ directory: string; revision: string | null }> {
  const info = await stat(id).catch(() => null);
  if (info?.isDirectory()) return { directory: resolve(id), revision: null };
  if (info || !hubId.test(id)) {
    const message = info ? 'This is not a folder.' : 'There is no such folder, and it is no Hub id.';
    throw new MoepressError('CHECKPOINT_NOT_FOUND', { message, where: id });
  }
  // Loaded only when asked for: most models are local, and the Hub library is large.
  const { downloadModel } = await import('./download.js');
  try {
    const { directory, commit } = await downloadModel(id, revision, work);
    return { directory, revision: commit };
  } catch (cause) {
    throw asNeither(cause, id);
  }
}

/** `models/tiny` may be a misspelt path as well as a Hub id: says both if the Hub as a whole did not help. */
function asNeither(cause: unknown, id: string): unknown {
  if (!MoepressError.isInstance(cause) || cause.where !== id) return cause;
  return new MoepressError(cause.code, {
    message: `There is no folder ${resolve(id)}, and as a Hub id it cannot be opened either. ${cause.message}`,
    where: id,
    mend: `If you mean a folder, correct the path. If you mean a Hub model: ${cause.mend}`,
    cause,
  });
}

async function openFolder(directory: string, id: string, revision: string | null): Promise<Model> {
  const configFile = join(directory, 'config.json');
  const raw = await readJsonFile(directory, 'config.json', 'CONFIG_INVALID');
  if (!raw) {
    throw new MoepressError('CHECKPOINT_NOT_FOUND', {
      message: 'There is no config.json.',
      where: directory,
    });
  }
  const generation = await readJsonFile(directory, 'generation_config.json', 'CONFIG_INVALID');
  const compact = readCompactRecord(raw, configFile);
  const modelType = new ConfigReader(raw, configFile).read('model_type', z.string());
  const manifest = findArchitecture(compact?.base_architecture ?? modelType, configFile);
  const config = readFamilyConfig(stockConfig(raw, manifest), generation ?? {}, manifest, configFile);
  const weights = await openWeights(directory);
  const tensors = new TensorSource(weights.tensors, directory);
  const { decoder } = config;
  const vocabulary = [decoder.vocabSize, decoder.hiddenSize];
  const parts = { manifest, config, tensors, compact };
  const embed = tensors.take(manifest.tensors.embed, vocabulary);
  return {
    id,
    revision,
    architecture: manifest.modelType,
    headerHash: weights.headerHash,
    config: decoder,
    embed,
    blocks: Array.from({ length: decoder.layers }, (_, layer) => buildBlock(layer, parts)),
    finalNorm: tensors.take(manifest.tensors.finalNorm, [decoder.hiddenSize]),
    head: decoder.tiedEmbeddings ? embed : tensors.take(manifest.tensors.head, vocabulary),
    source: { directory, config: raw },
  };
}
