import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Model,
  MoepressError,
  type StoredTensor,
  type TensorExpr,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import { type AdapterConfig, mergeLine, readAdapterConfig } from '../adapter/adapter-config.js';
import { warnOfOwnTokenizer, withAdapter } from '../adapter/apply-adapter.js';
import { biasName } from '../architectures/manifest.js';
import { declaredDtype } from '../config/storage.js';
import { textConfig } from '../config/text-config.js';
import { checkFiles } from '../folder/own-files.js';
import { openWeights } from '../folder/weights.js';
import { buildBlock } from './block.js';
import type { BuildContext } from './build-context.js';
import { readModelConfig } from './config.js';
import { lazyGateUpRows } from './gate-up.js';
import { locateCheckpoint, type OpenOptions } from './locate.js';
import { describeUnread, TensorSource, unreadOf } from './tensor-source.js';
import { readVocabulary } from './vocabulary.js';

/**
 * Opens a checkpoint as a Model: a folder, stock or written by moepress in the compact layout, or a
 * Hub id, which is downloaded into the Hugging Face cache first unless it is there. An adapter (LoRA) beside the
 * weights, or alone and naming its base, is merged. Headers and
 * configs are read and checked, weights are not, so opening takes milliseconds; only an embedding and a head that
 * are both stored but should be one tensor are compared. Tensors that no part reads are told to `progress`.
 *
 * Tells `progress` in warnings where published programs read the config differently.
 *
 * Throws `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_INVALID`, `CHECKPOINT_INDEX_INVALID`; `CONFIG_INVALID`,
 * `CONFIG_UNSUPPORTED`, `ARCHITECTURE_UNKNOWN`; `TENSOR_MISSING`, `TENSOR_SHAPE`, `TENSOR_DTYPE`;
 * for a Hub id also `HUB_NOT_FOUND`, `HUB_FORBIDDEN`, `HUB_UNREACHABLE`, `DISK_FULL`, `ABORTED`.
 */
export async function openModel(id: string, options: OpenOptions = {}): Promise<Model> {
  throwIfAborted(options.signal);
  const { directory, revision, gguf } = await locateCheckpoint(id, options);
  if (gguf !== undefined) {
    const { openGguf } = await import('../gguf/model/open-gguf.js');
    const opened = await openGguf(gguf, options);
    return openFolder({ directory: opened.directory, id, revision, weights: opened }, options);
  }
  const adapter = await readAdapterConfig(directory);
  if (adapter === null) return openFolder({ directory, id, revision }, options);
  // As in transformers: weights beside the adapter are its base, but in a repository of the Hub, which names it.
  const isWhole = revision === null && (await stat(join(directory, 'config.json')).catch(() => null));
  const base = isWhole
    ? await openFolder({ directory, id, revision }, options)
    : await openBaseOf(adapter, directory, options);
  if (!isWhole) await warnOfOwnTokenizer(directory, base.source.directory, options);
  return { ...(await withAdapter(base, adapter, directory, options)), id, revision };
}

/** The model that an adapter says it was made for. Throws `CHECKPOINT_NOT_FOUND` if that cannot be had. */
async function openBaseOf(
  { base, baseRevision }: AdapterConfig,
  directory: string,
  options: OpenOptions,
): Promise<Model> {
  const missing = (message: string, cause?: unknown) =>
    new MoepressError('CHECKPOINT_NOT_FOUND', {
      message: `This is a LoRA adapter without its base model. ${message}`,
      where: directory,
      hint: `Put config.json and weights of the base next to the adapter. ${mergeLine(directory)}`,
      cause,
    });
  if (base === null) throw missing('Its adapter_config.json does not name one.');
  try {
    const located = await locateCheckpoint(base, { ...options, revision: baseRevision ?? undefined });
    return await openFolder({ ...located, id: base }, options);
  } catch (cause) {
    if (!MoepressError.isInstance(cause) || cause.code === 'ABORTED') throw cause;
    throw missing(`It is made for ${base}, which cannot be opened: ${cause.message}`, cause);
  }
}

/** Biases of the last norm and of the head, where the family has them. Throws what `TensorSource.take` throws. */
function takeBiases({ manifest, config, tensors }: BuildContext): Pick<Model, 'finalNormBias' | 'headBias'> {
  const { finalNorm, head } = manifest.tensors;
  const { hiddenSize, vocabSize } = config.decoder;
  return {
    ...(manifest.layerNorm === 'biased' && {
      finalNormBias: tensors.take(biasName(finalNorm), [hiddenSize]),
    }),
    ...(config.headBias && { headBias: tensors.take(biasName(head), [vocabSize]) }),
  };
}

/** Weights that lie elsewhere than in the folder that describes them. */
interface NamedWeights {
  readonly named: ReadonlyMap<string, TensorExpr>;
  readonly stored: ReadonlyMap<string, StoredTensor>;
  readonly headerHash: string;
}

/** Those of the folder, under the names that they have there. */
async function ownWeights(directory: string): Promise<NamedWeights> {
  const { tensors, headerHash } = await openWeights(directory);
  return { named: tensors, stored: tensors, headerHash };
}

interface FolderToOpen {
  readonly directory: string;
  readonly id: string;
  readonly revision: string | null;
  readonly weights?: NamedWeights;
}

async function openFolder(
  { directory, id, revision, weights: given }: FolderToOpen,
  { progress }: Work,
): Promise<Model> {
  await checkFiles(directory);
  const { raw, compact, manifest, config, layerConfigs, generation } = await readModelConfig(directory);
  for (const { key, message } of config.warnings) {
    progress?.({ type: 'warning', message: `${id}: config.json: ${key}: ${message}` });
  }
  const weights = given ?? (await ownWeights(directory));
  const tensors = new TensorSource(weights.named, {
    directory,
    alias: manifest.tensors.alias,
    quantisation: config.quantisation,
    dtype: config.decoder.dtype,
  });
  const { decoder } = config;
  const gateUpRows = lazyGateUpRows(manifest.tensors.experts.fused.layout, config.ffn.expertWidth);
  const context = { manifest, config, layerConfigs, tensors, compact, gateUpRows };
  const { embed, head, tied } = await readVocabulary(context, progress);
  const description = {
    embed,
    blocks: Array.from({ length: decoder.layers }, (_, layer) => buildBlock(layer, context)),
    finalNorm: tensors.take(manifest.tensors.finalNorm, [decoder.hiddenSize]),
    ...takeBiases(context),
    head,
  };
  const unread = unreadOf(description, weights.stored).filter(
    // The other of two equal copies.
    ({ name }) => !(tied && name === manifest.tensors.head),
  );
  if (unread.length > 0) progress?.({ type: 'warning', message: `${describeUnread(unread)}.` });
  return {
    id,
    revision,
    architecture: manifest.modelType,
    headerHash: weights.headerHash,
    config: {
      ...decoder,
      dtype: declaredDtype(textConfig(raw, manifest, directory)) ?? embed.dtype,
      tiedEmbeddings: tied,
    },
    ...description,
    source: { directory, config: raw, generation, unread },
  };
}
