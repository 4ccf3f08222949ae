import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MoepressError, type StoredTensor } from '@moepress/core';
import { z } from 'zod';
import { readSafetensors, type SafetensorsFile } from '../safetensors/read.js';
import { readJsonFile } from './json.js';

/** The tensors of a checkpoint folder, in one file or in shards. */
export interface Weights {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** SHA-256 over the header hashes of the files, in the order of their names. */
  readonly headerHash: string;
}

export const singleFile = 'model.safetensors';
export const indexFile = 'model.safetensors.index.json';

/** The largest published checkpoints have a few hundred. */
const maxShards = 10_000;

/** A plain file name: an index from a stranger must not reach outside its folder. */
const shardName = z.string().regex(/^[^/\\:\0]+\.safetensors$/, 'must be a file name in the same folder');

const indexSchema = z.object({ weight_map: z.record(z.string(), shardName) });

/**
 * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists; like
 * transformers it prefers the single file. Only headers are read. Throws `CHECKPOINT_NOT_FOUND`,
 * `CHECKPOINT_INVALID`, or `CHECKPOINT_INDEX_INVALID` for an index that lies or points elsewhere.
 */
export async function openWeights(directory: string): Promise<Weights> {
  const single = join(directory, singleFile);
  if (await stat(single).catch(() => null)) {
    const file = await readSafetensors(single);
    return { tensors: file.tensors, headerHash: hashHeaders([file]) };
  }
  const where = join(directory, indexFile);
  const weightMap = await readIndex(directory, where);
  const names = shardsIn(weightMap, where);
  const shards = new Map<string, SafetensorsFile>();
  for (const name of names) shards.set(name, await readShard(directory, name));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, shard] of weightMap) {
    const tensor = shards.get(shard)?.tensors.get(name);
    if (!tensor) throw invalidIndex(`${shard} does not hold ${name}`, where);
    tensors.set(name, tensor);
  }
  return { tensors, headerHash: hashHeaders(shards.values()) };
}

/** The file names that the index of a folder lists. Throws like `openWeights`. */
export async function listShards(directory: string): Promise<string[]> {
  const where = join(directory, indexFile);
  return shardsIn(await readIndex(directory, where), where);
}

function shardsIn(weightMap: ReadonlyMap<string, string>, where: string): string[] {
  const names = [...new Set(weightMap.values())].sort();
  if (names.length > maxShards) throw invalidIndex(`It lists ${names.length} files`, where);
  return names;
}

async function readIndex(directory: string, where: string): Promise<Map<string, string>> {
  const json = await readJsonFile(directory, indexFile, 'CHECKPOINT_INDEX_INVALID');
  if (!json) {
    throw new MoepressError('CHECKPOINT_NOT_FOUND', {
      message: `There is neither ${singleFile} nor ${indexFile}.`,
      where: directory,
      mend: 'Only safetensors checkpoints can be opened: convert .bin files with save_pretrained first.',
    });
  }
  const parsed = indexSchema.safeParse(json);
  if (parsed.success) return new Map(Object.entries(parsed.data.weight_map));
  const issue = parsed.error.issues[0]!;
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], json);
  throw invalidIndex(`${issue.path.join(' → ')}: ${JSON.stringify(value)} ${issue.message}`, where);
}

async function readShard(directory: string, name: string): Promise<SafetensorsFile> {
  const path = join(directory, name);
  if (await stat(path).catch(() => null)) return readSafetensors(path);
  throw new MoepressError('CHECKPOINT_INVALID', {
    message: `The index lists ${name}, which is not in the folder.`,
    where: path,
    mend: 'Download the missing file.',
  });
}

function hashHeaders(files: Iterable<SafetensorsFile>): string {
  const hash = createHash('sha256');
  for (const { headerHash } of files) hash.update(headerHash);
  return hash.digest('hex');
}

function invalidIndex(problem: string, where: string): MoepressError {
  return new MoepressError('CHECKPOINT_INDEX_INVALID', { message: `${problem}.`, where });
}
