import { join } from 'node:path';
import { MoepressError, type StoredTensor } from '@moepress/core';
import { architectures } from '../architectures/index.js';
import type { KeyRule } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import { readFamilyConfig } from '../config/family.js';
import { jsonObject } from '../config/reader.js';
import { type JsonObject, readJsonFile } from '../folder/json.js';
import { openWeights } from '../folder/weights.js';
import { locateCheckpoint, type OpenOptions } from '../model/locate.js';
import { type FamilyPatterns, familyPatterns, patternOf } from './family-patterns.js';

/** The structure of a checkpoint whose family has no manifest, compared with that of the most similar known family. */
export interface Diagnosis {
  readonly modelType: string;
  /** Keys of config.json that say something of the decoder's mathematics. */
  readonly config: JsonObject;
  /** Every kind of tensor it has. */
  readonly tensors: readonly TensorKind[];
  /** The family that has most of these kinds. */
  readonly nearest: FamilyMatch;
}

/** Tensors whose names differ in the numbers of layers and experts only. */
export interface TensorKind {
  /** The name with `*` for those numbers. */
  readonly pattern: string;
  readonly count: number;
  /** Shape of the first of these tensors. */
  readonly shape: readonly number[];
  readonly dtype: string;
}

export interface FamilyMatch {
  readonly modelType: string;
  readonly title: string;
  /** Kinds that both have. */
  readonly shared: number;
  /** Kinds the family has no part for. */
  readonly unknown: readonly string[];
  /** Kinds every checkpoint of the family has, and this one lacks. */
  readonly missing: readonly string[];
  /** Why config.json cannot be read as one of the family, if so. */
  readonly obstacle: string | null;
}

/** Looks at a checkpoint that `openModel` refused with `ARCHITECTURE_UNKNOWN`; throws what it would throw otherwise. */
export async function diagnoseCheckpoint(id: string, options: OpenOptions = {}): Promise<Diagnosis> {
  const { directory } = await locateCheckpoint(id, options);
  const raw = (await readJsonFile(directory, 'config.json', 'CONFIG_INVALID')) ?? {};
  const { tensors } = await openWeights(directory);
  const kinds = kindsOf(tensors);
  const matches = architectures.map((manifest) => {
    const match = compare(manifest, kinds, raw, directory);
    const { read, absent } = keysOf(manifest, raw);
    return { match, score: score(match) + read / 1e3 - absent / 1e6 };
  });
  const { match: nearest } = matches.reduce((best, other) => (other.score > best.score ? other : best));
  return { modelType: String(raw.model_type), config: relevantKeys(raw), tensors: kinds, nearest };
}

/**
 * Of two families that share equally many kinds, the one with fewer missing tensors is nearer, then the one that
 * reads more keys.
 */
const score = ({ shared, missing, obstacle }: FamilyMatch) =>
  shared - missing.length - (obstacle === null ? 0 : 0.5);

function kindsOf(tensors: ReadonlyMap<string, StoredTensor>): TensorKind[] {
  const kinds = new Map<string, TensorKind>();
  for (const [name, { shape, dtype }] of tensors) {
    const pattern = patternOf(name);
    const known = kinds.get(pattern);
    kinds.set(pattern, known ? { ...known, count: known.count + 1 } : { pattern, count: 1, shape, dtype });
  }
  return [...kinds.values()].sort((a, b) => (a.pattern < b.pattern ? -1 : 1));
}

function compare(
  manifest: ArchitectureManifest,
  kinds: readonly TensorKind[],
  raw: JsonObject,
  directory: string,
): FamilyMatch {
  const { needed, known }: FamilyPatterns = familyPatterns(manifest);
  const found = new Set(kinds.map(({ pattern }) => pattern));
  return {
    modelType: manifest.modelType,
    title: manifest.title,
    shared: [...found].filter((pattern) => known.has(pattern)).length,
    unknown: [...found].filter((pattern) => !known.has(pattern)),
    missing: [...needed].filter((pattern) => !found.has(pattern)),
    obstacle: obstacleOf(manifest, raw, directory),
  };
}

/** How many of the keys that the family knows are in config.json, and how many are not. */
function keysOf({ keys, fixed = {} }: ArchitectureManifest, raw: JsonObject) {
  const names = [...Object.values(keys).flatMap(({ names }) => names), ...Object.keys(fixed)];
  const read = names.filter((name) => raw[name] !== undefined).length;
  return { read, absent: names.length - read };
}

function obstacleOf(manifest: ArchitectureManifest, raw: JsonObject, directory: string): string | null {
  // A family's defaults say nothing of another family's checkpoint.
  const text = (manifest.nested && jsonObject.safeParse(raw[manifest.nested]).data) || raw;
  const told = (rule: KeyRule | undefined) => !rule || rule.names.some((name) => text[name] !== undefined);
  const { experts, topK, hasExperts } = manifest.keys;
  // A flag may say that there are none.
  const wanted = !hasExperts || text[hasExperts.names[0]] === true ? [experts, topK] : [hasExperts];
  const untold = wanted.find((rule) => !told(rule));
  if (untold) return `"${untold.names[0]}" is missing.`;
  try {
    readFamilyConfig({ ...raw, architectures: null }, null, manifest, join(directory, 'config.json'));
    return null;
  } catch (error) {
    if (!MoepressError.isInstance(error)) throw error;
    return error.message;
  }
}

/** Keys of training, of how outputs are returned and of files. Everything else may change the mathematics. */
const irrelevant = [
  /dropout|loss|initializer|version|transformers|gradient|path|label|problem_type|finetuning_task/,
  /^(?:architectures|auto_map|model_type|torch_dtype|dtype|use_cache|return_dict|(?:pad|bos|eos)_token_id)$/,
  /^output_(?:attentions|hidden_states|router_logits)$/,
];

function relevantKeys(raw: JsonObject): JsonObject {
  const kept = Object.entries(raw).filter(([key, value]) => {
    const isLeftOut = irrelevant.some((pattern) => pattern.test(key));
    return !isLeftOut && value !== null && JSON.stringify(value).length <= 200;
  });
  return Object.fromEntries(kept);
}
