import { join } from 'node:path';
import { MoepressError, shown } from '@moepress/core';
import { z } from 'zod';
import { findArchitecture } from '../architectures/index.js';
import { key, refused } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import { type FamilyConfig, readFamilyConfig } from '../config/family.js';
import { generationSettings } from '../config/generation.js';
import { KeyReader } from '../config/reader.js';
import { textConfig } from '../config/text-config.js';
import { type JsonObject, readJsonFile } from '../folder/json.js';
import { type CompactRecord, readCompactRecord, stockConfig } from './compact.js';
import { readLayerConfigs } from './layer-configs.js';

/** The settings in a checkpoint folder that are read before any tensor. */
export interface ModelConfig {
  /** config.json as parsed. */
  readonly raw: JsonObject;
  readonly compact: CompactRecord | null;
  readonly manifest: ArchitectureManifest;
  readonly config: FamilyConfig;
  /** The same of each layer that has settings of its own, by its index. */
  readonly layerConfigs: ReadonlyMap<number, FamilyConfig>;
  /** What `generate()` of transformers begins with. */
  readonly generation: JsonObject;
}

const modelTypeKey = { modelType: key('model_type', refused) };

/** Throws `CHECKPOINT_NOT_FOUND`, `CONFIG_INVALID`, `CONFIG_UNSUPPORTED` and `ARCHITECTURE_UNKNOWN`. */
export async function readModelConfig(directory: string): Promise<ModelConfig> {
  const file = join(directory, 'config.json');
  const raw = await readJsonFile(directory, 'config.json', 'CONFIG_INVALID');
  if (!raw) {
    throw new MoepressError('CHECKPOINT_NOT_FOUND', {
      message: 'There is no config.json.',
      where: directory,
    });
  }
  const generation = await readJsonFile(directory, 'generation_config.json', 'CONFIG_INVALID');
  const compact = readCompactRecord(raw, file);
  const modelType = new KeyReader<'modelType'>(raw, modelTypeKey, file).read('modelType', z.string());
  const manifest = findArchitecture(compact?.base_architecture ?? modelType, file);
  refuseOtherNested(raw, manifest, file);
  return {
    raw,
    compact,
    manifest,
    config: readFamilyConfig(stockConfig(raw, manifest), generation, manifest, file),
    layerConfigs: readLayerConfigs(raw, compact?.layers ?? [], { manifest, file }),
    generation: generationSettings(generation, textConfig(raw, manifest, file)),
  };
}

/** Throws `ARCHITECTURE_UNKNOWN` for a known wrapper around a text model that it is not known with. */
function refuseOtherNested(raw: JsonObject, manifest: ArchitectureManifest, file: string): void {
  const { modelType, nested, nestedType } = manifest;
  if (nested === undefined || nestedType === undefined) return;
  const inner = textConfig(raw, manifest, file).model_type;
  if (inner === nestedType) return;
  throw new MoepressError('ARCHITECTURE_UNKNOWN', {
    message: `The text model under "${nested}" is of the architecture ${shown(inner)}; in "${modelType}" only "${nestedType}" is known.`,
    where: file,
    hint: `Use a model with a text model of the architecture "${nestedType}".`,
  });
}
