import { join } from 'node:path';
import { byteLength, type Work } from '@moepress/core';
import { anonymousMemory } from '../files/anonymous.js';
import { replaceFile } from '../files/replace-file.js';
import { type FileLayout, layOut, type TensorEntry } from './file-layout.js';
import { indexFile, singleFile } from './read.js';
import { type WriteOptions, writeLayout } from './write.js';
import { writingBytes } from './writing-memory.js';

/** 5 GB, as huggingface_hub writes. */
export const defaultShardBytes = 5_000_000_000;

/** A checkpoint's weights as they will be, in one file or in several with an index. */
export interface ShardPlan {
  readonly shards: readonly { readonly name: string; readonly layout: FileLayout }[];
  /** The text of model.safetensors.index.json; null for a single file. */
  readonly index: string | null;
  /** Bytes of all these files together. */
  readonly totalBytes: number;
}

export interface ShardOptions extends Pick<WriteOptions, 'metadata'> {
  /** Default 5 GB. */
  readonly maxShardBytes?: number | undefined;
}

/** Fills shards in the order given; a tensor larger than `maxShardBytes` gets one of its own. */
export function planShards(
  entries: readonly TensorEntry[],
  { maxShardBytes = defaultShardBytes, metadata }: ShardOptions = {},
): ShardPlan {
  const groups = group(entries, maxShardBytes);
  const shards = groups.map((members, i) => ({
    name: groups.length === 1 ? singleFile : shardName(i + 1, groups.length),
    layout: layOut(members, metadata),
  }));
  const index = shards.length === 1 ? null : indexOf(shards);
  const files = shards.reduce((sum, { layout }) => sum + layout.totalBytes, 0);
  return { shards, index, totalBytes: files + Buffer.byteLength(index ?? '') };
}

/** Writes the planned files into a folder and tells what memory that takes. Returns their names. Throws as `writeSafetensors`. */
export async function writeShards(
  directory: string,
  { shards, index, totalBytes }: ShardPlan,
  { progress, signal }: Work = {},
): Promise<string[]> {
  const task = 'Writing';
  if (progress) {
    const predicted = anonymousMemory() + writingBytes(shards.map(({ layout }) => layout));
    progress({ type: 'memory', predicted });
  }
  progress?.({ type: 'start', task, total: totalBytes, unit: 'bytes' });
  let done = 0;
  for (const { name, layout } of shards) {
    const count = (bytes: number) => {
      done += bytes;
      progress?.({ type: 'advance', task, done, note: name });
    };
    await writeLayout(join(directory, name), layout, { signal, count });
  }
  if (index !== null) {
    await replaceFile(join(directory, indexFile), (file) => file.writeFile(index));
  }
  progress?.({ type: 'end', task });
  const names = shards.map(({ name }) => name);
  return index === null ? names : [...names, indexFile];
}

function group(entries: readonly TensorEntry[], maxBytes: number): TensorEntry[][] {
  const groups: TensorEntry[][] = [[]];
  let size = 0;
  for (const entry of entries) {
    const bytes = byteLength(entry.dtype, entry.shape);
    if (size > 0 && size + bytes > maxBytes) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(entry);
    size += bytes;
  }
  return groups;
}

function shardName(number: number, of: number): string {
  const digits = (n: number) => String(n).padStart(5, '0');
  return `model-${digits(number)}-of-${digits(of)}.safetensors`;
}

function indexOf(shards: ShardPlan['shards']): string {
  const total = shards.reduce((sum, { layout }) => sum + layout.dataBytes, 0);
  const names = shards.flatMap(({ name, layout }) =>
    layout.entries.map((entry) => [entry.name, name] as const),
  );
  const sorted = names.sort(([a], [b]) => (a < b ? -1 : 1));
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(sorted) };
  return `${JSON.stringify(index, null, 2)}\n`;
}
