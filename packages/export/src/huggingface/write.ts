import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkSpace,
  createFolder,
  FolderOutput,
  findArchitecture,
  nameTensors,
  planShards,
  type ShardPlan,
  writeShards,
} from '@moepress/checkpoint';
import {
  type CompressionPlan,
  type Model,
  type ParameterCounts,
  planHash,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import { writeCard } from './card.js';
import { baseCardName, type CardFacts } from './card-facts.js';
import { carriedEntries } from './carried.js';
import { copyCompanions, findCompanions, readCard } from './companions.js';
import { hasModelingCode, modelingFile, writtenConfig } from './config.js';
import { enginesOf } from './engines.js';
import { hubIdOf } from './front-matter.js';
import { formatJson } from './json.js';
import { arrange, type ExpertLayout } from './layout.js';
import { type PredictionChoice, type PredictionLayers, writtenPrediction } from './prediction.js';
import type { QuantiseChoice } from './quantise-scheme.js';
import { moduleOf, quantiseWeights } from './quantise-weights.js';
import { isQuantised, storedWeights } from './quantised.js';
import { sizeOf } from './size.js';
import { tellOfWeights } from './weight-warnings.js';

export interface WriteCheckpointOptions extends Work {
  readonly layout: ExpertLayout;
  /** The plan that made the view: it is written next to the weights and described in the model card. */
  readonly plan?: CompressionPlan | undefined;
  /** The model the plan was applied to, for the ratios in the model card. */
  readonly base?: Model | undefined;
  /**
   * Whether multi-token prediction layers are kept. By default they are kept where possible: where router and experts
   * keep their sizes, or where experts were only dropped, which are then dropped from these layers too.
   */
  readonly mtp?: PredictionChoice | undefined;
  /** What weights are quantised to as they are written; by default they stay as they are. */
  readonly quantise?: QuantiseChoice | undefined;
  /** Largest size of a weight file in bytes; default 5 GB. */
  readonly maxShardBytes?: number | undefined;
}

export interface WrittenCheckpoint {
  readonly directory: string;
  /** Total size of all files in bytes. */
  readonly bytes: number;
  readonly files: readonly string[];
  /** Sizes of the stored weights, copies of experts and zeros included. */
  readonly parameters: ParameterCounts;
  /** What became of the layers that predict further tokens. */
  readonly prediction: PredictionLayers;
  /** Names of weights that were quantised anew in their format, because their blocks were cut or their values changed. */
  readonly requantised: readonly string[];
}

/**
 * Writes a model view as a Hugging Face checkpoint folder, which appears whole or not at all.
 * Weights stream from file to file in their own types; memory does not grow with the model. Quantised
 * weights stay in their format; those whose blocks were cut are quantised anew, and `progress` is told of them before a byte is
 * written, as of files that are larger than the original's. Tensors of the original that no part
 * of the model reads are carried along.
 *
 * An output that was claimed before is committed, or abandoned if anything fails.
 *
 * Throws what `FolderOutput.claim` throws, `CONFIG_UNSUPPORTED` (layers of different numbers of experts, a model that the
 * layout cannot hold, or tensors of which it is not known what they belong to) and `DISK_FULL` before any byte is written; later `DISK_FULL`, `WRITE_FAILED`, `ABORTED`.
 */
export async function writeHuggingFace(
  model: Model,
  out: string | FolderOutput,
  options: WriteCheckpointOptions,
): Promise<WrittenCheckpoint> {
  throwIfAborted(options.signal);
  const output = typeof out === 'string' ? await FolderOutput.claim(out, options) : out;
  return createFolder(output, async (folder) => ({
    directory: output.out,
    ...(await fill(folder, model, options)),
  }));
}

async function fill(
  folder: string,
  model: Model,
  { layout, plan, base, mtp, quantise, maxShardBytes, progress, signal }: WriteCheckpointOptions,
): Promise<Omit<WrittenCheckpoint, 'directory'>> {
  const arrangement = arrange(model, findArchitecture(model.architecture, model.id), layout, quantise);
  const { manifest } = arrangement;
  // Two plans may leave tensors of equal names and shapes: the header, by which later plans know their base, tells them apart.
  const metadata = { format: 'pt', ...(plan && { moepress_plan: planHash(plan) }) };
  const tensors = nameTensors(arrangement.model, manifest.tensors, arrangement.experts);
  const made = quantise
    ? await quantiseWeights(tensors, { choice: quantise, model, manifest, signal })
    : null;
  const stored = made ?? storedWeights(tensors);
  const { requantised } = stored;
  // Whether what the original says of quantised weights is still so.
  const quantised = stored.quantised && !made;
  const entries = tensors.flatMap((tensor) => stored.entriesOf(tensor));
  const { entries: ofPrediction, ...prediction } = writtenPrediction(arrangement, { wanted: mtp, quantised });
  const carried = carriedEntries(model, new Set(entries.map(({ name }) => name)));
  const shards = planShards([...entries, ...carried, ...ofPrediction], { maxShardBytes, metadata });
  const carriedModules = [...carried, ...ofPrediction]
    .filter(({ name, shape }) => name.endsWith('.weight') && shape.length === 2)
    .map(({ name }) => moduleOf(name));
  const config = writtenConfig(arrangement, {
    plan,
    quantised,
    quantisation: made?.config(carriedModules),
    prediction,
  });
  tellOfWeights(
    { model, base, stored, bytes: tensorBytes(shards), wasQuantised: isQuantised(model) },
    progress,
  );
  const runsInTransformers = hasModelingCode(manifest);
  const companions = await findCompanions(model.source.directory);
  const card = await readCard(model.source.directory);
  const facts: CardFacts = {
    model,
    base,
    plan,
    form: arrangement.form,
    engines: enginesOf(arrangement),
    quantised: stored.quantised,
    quantise,
    requantised,
    prediction,
    ...sizeOf(arrangement, tensors, stored),
  };
  const texts: Record<string, string> = {
    'config.json': formatJson(config, await readFile(join(model.source.directory, 'config.json'), 'utf8')),
    'README.md': writeCard(card, facts),
    // What the Hub shows need not be kept twice.
    ...(card !== null && hubIdOf(base ?? model) === undefined ? { [baseCardName]: card } : {}),
    ...(plan ? { 'moepress_plan.json': formatJson(plan) } : {}),
    ...(arrangement.form.kind === 'compact' && runsInTransformers
      ? { [modelingFile]: await readFile(modelingSource, 'utf8') }
      : {}),
  };
  const sizes = [
    ...companions.map(({ bytes }) => bytes),
    ...Object.values(texts).map((text) => Buffer.byteLength(text)),
  ];
  const bytes = sizes.reduce((sum, size) => sum + size, shards.totalBytes);
  await checkSpace(folder, bytes);
  const weightFiles = await writeShards(folder, shards, { progress, signal });
  await copyCompanions(companions, folder);
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(join(folder, name), text, { flush: true });
  }
  throwIfAborted(signal);
  const files = [...weightFiles, ...companions.map(({ name }) => name), ...Object.keys(texts)];
  return { bytes, files: files.sort(), parameters: facts.parameters, prediction, requantised };
}

/** Bytes of the tensors of all files, without what stands before them. */
const tensorBytes = ({ shards }: ShardPlan): number =>
  shards.reduce((sum, { layout }) => sum + layout.totalBytes - layout.head.byteLength, 0);

const modelingSource = new URL('../../python/modeling_moepress.py', import.meta.url);
