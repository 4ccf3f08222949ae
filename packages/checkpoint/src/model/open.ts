import { type Model, throwIfAborted } from '@moepress/core';
import { openWeights } from '../folder/weights.js';
import { buildBlock } from './build.js';
import { readModelConfig } from './config.js';
import { locateCheckpoint, type OpenOptions } from './locate.js';
import { splitRows } from './mlp.js';
import { TensorSource } from './tensors.js';

/**
 * Opens a checkpoint as a Model: a folder, stock or written by moepress in the compact layout, or a
 * Hub id, which is downloaded into the Hugging Face cache first unless it is there. Headers and
 * configs are read and checked, weights are not, so opening takes milliseconds.
 *
 * Tells `progress` in warnings where published programs read the config differently.
 *
 * Throws `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_INVALID`, `CHECKPOINT_INDEX_INVALID`; `CONFIG_INVALID`,
 * `CONFIG_UNSUPPORTED`, `ARCHITECTURE_UNKNOWN`; `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`;
 * for a Hub id also `HUB_NOT_FOUND`, `HUB_FORBIDDEN`, `HUB_UNREACHABLE`, `DISK_FULL`, `ABORTED`.
 */
export async function openModel(id: string, options: OpenOptions = {}): Promise<Model> {
  throwIfAborted(options.signal);
  const { directory, revision } = await locateCheckpoint(id, options);
  return openFolder(directory, id, revision, options);
}

async function openFolder(
  directory: string,
  id: string,
  revision: string | null,
  { progress }: OpenOptions,
): Promise<Model> {
  const { raw, compact, manifest, config } = await readModelConfig(directory);
  for (const { key, message } of config.warnings) {
    progress?.({ type: 'warning', message: `${id}: config.json: ${key}: ${message}` });
  }
  const weights = await openWeights(directory);
  const tensors = new TensorSource(weights.tensors, {
    directory,
    alias: manifest.tensors.alias,
    fp8Block: config.quantisation?.method === 'fp8' ? config.quantisation.block : null,
  });
  const { decoder } = config;
  const vocabulary = [decoder.vocabSize, decoder.hiddenSize];
  const gateUpRows = splitRows(manifest.tensors.experts.fused.layout, config.ffn.expertWidth);
  const parts = { manifest, config, tensors, compact, gateUpRows };
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
