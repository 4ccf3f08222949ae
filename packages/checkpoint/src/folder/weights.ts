import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MoepressError, recordOf, type StoredTensor, sha256, shown } from '@moepress/core';
import { z } from 'zod';
import { indexFile, readSafetensors, type SafetensorsFile, singleFile } from '../safetensors/read.js';
import { readJsonFile } from './json.js';

/** The tensors of a checkpoint folder, in one file or in shards. */
export interface Weights {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** SHA-256 over the header hashes of the files, in the order of their names. */
  readonly headerHash: string;
}

/** The largest published checkpoints have a few hundred. */
const maxShards = 10_000;

/** An index from a stranger must not reach outside its folder; its shards may lie in folders below. */
const shardName = z
  .string()
  .max(1024, 'is too long')
  .regex(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\\:\0]+\.safetensors$/s, 'must be a file in the same folder');

const indexSchema = z.object({ weight_map: recordOf(shardName) });

/**
 * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists; like
 * transformers it prefers the single file. Only headers are read, and they alone decide which tensors there
 * are: of the index only the names of files are believed, since tensors are cut away and added without it. A name
 * that two shards have means the later one, in the order of their names.
 *
 * Throws `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_INVALID`, or `CHECKPOINT_INDEX_INVALID` for an index that lists no
 * files or points elsewhere.
 */
export async function openWeights(directory: string): Promise<Weights> {
  const single = join(directory, singleFile);
  if (await stat(single).catch(() => null)) return mergeFiles([await readSafetensors(single)]);
  const shards: SafetensorsFile[] = [];
  for (const name of await listShards(directory)) shards.push(await readShard(directory, name));
  return mergeFiles(shards);
}

/** The file names that the index of a folder lists, sorted. Throws like `openWeights`. */
export async function listShards(directory: string): Promise<string[]> {
  const where = join(directory, indexFile);
  const names = [...new Set(await readIndex(directory, where))].sort();
  if (names.length === 0) throw invalidIndex('It lists no files', where);
  if (names.length > maxShards) throw invalidIndex(`It lists ${names.length} files`, where);
  return names;
}

function mergeFiles(files: readonly SafetensorsFile[]): Weights {
  return {
    tensors: new Map(files.flatMap(({ tensors }) => [...tensors])),
    headerHash: sha256(...files.map((file) => file.headerHash)),
  };
}

async function readIndex(directory: string, where: string): Promise<string[]> {
  const json = await readJsonFile(directory, indexFile, 'CHECKPOINT_INDEX_INVALID');
  if (!json) throw await noWeights(directory);
  const parsed = indexSchema.safeParse(json);
  if (parsed.success) return [...parsed.data.weight_map.values()];
  const issue = parsed.error.issues[0]!;
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], json);
  throw invalidIndex(`${issue.path.join(' → ')}: ${shown(value)} ${issue.message}`, where);
}

async function readShard(directory: string, name: string): Promise<SafetensorsFile> {
  const path = join(directory, name);
  if (await stat(path).catch(() => null)) return readSafetensors(path);
  throw new MoepressError('CHECKPOINT_INVALID', {
    message: `The index lists ${name}, which is not in the folder.`,
    where: path,
    hint: 'Download the missing file.',
  });
}

function invalidIndex(problem: string, where: string): MoepressError {
  return new MoepressError('CHECKPOINT_INDEX_INVALID', { message: `${problem}.`, where });
}

/** What may lie where the weights should, and what to do then; the first that fits is told. */
const substitutes: readonly { readonly pattern: RegExp; readonly what: string; readonly hint: string }[] = [
  {
    pattern: /^model-\d+-of-\d+\.safetensors$/,
    what: 'shards without their index',
    hint: 'Download model.safetensors.index.json from the repository that the shards came from.',
  },
  {
    pattern: /\.(bin|pth?|ckpt)$/,
    what: 'weights in the form of PyTorch',
    hint: 'Only safetensors are read: AutoModelForCausalLM.from_pretrained(path).save_pretrained(new_path) in Python converts them.',
  },
  {
    pattern: /\.gguf$/,
    what: 'weights in a GGUF file',
    hint: 'Give the path of the file itself instead of that of the folder.',
  },
];

/** The error for a folder without safetensors weights, which says what it has instead. */
async function noWeights(directory: string): Promise<MoepressError> {
  const names: readonly string[] = await readdir(directory).catch(() => []);
  const found = substitutes.find(({ pattern }) => names.some((name) => pattern.test(name)));
  return new MoepressError('CHECKPOINT_NOT_FOUND', {
    message: `There is neither model.safetensors nor model.safetensors.index.json${found ? `, but ${found.what}` : ''}.`,
    where: directory,
    hint:
      found?.hint ??
      'The weights were not downloaded: give the Hub id with a network, or run "hf download <id>" first.',
  });
}
