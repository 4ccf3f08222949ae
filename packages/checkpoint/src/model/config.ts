import { join } from 'node:path';
import { MoepressError } from '@moepress/core';
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

/** The settings in a checkpoint folder that are read before any tensor. */
export interface ModelConfig {
  /** config.json as parsed. */
  readonly raw: JsonObject;
  readonly compact: CompactRecord | null;
  readonly manifest: ArchitectureManifest;
  readonly config: FamilyConfig;
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
  return {
    raw,
    compact,
    manifest,
    config: readFamilyConfig(stockConfig(raw, manifest), generation, manifest, file),
    generation: generationSettings(generation, textConfig(raw, manifest, file)),
  };
}
