import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bytesOf, type GgufEntry, readGguf } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import type { GgufValue } from '../file/metadata.js';
import { ggufPartsOf } from '../slice/slice-plan.js';
import type { GgufTokenizer } from './tokenizer-metadata.js';

const prefix = 'tokenizer.';

/**
 * What the GGUF file that a model was opened from says of its tokenizer, byte for byte: also of kinds that cannot be read here.
 * Null for other models, and where a tokenizer.json lies beside the file, which is believed instead. Throws
 * `CHECKPOINT_NOT_FOUND` and `CHECKPOINT_INVALID`.
 */
export async function copiedTokenizer(model: Model): Promise<GgufTokenizer | null> {
  const [first] = ggufPartsOf(model) ?? [];
  if (first === undefined) return null;
  const beside = await stat(join(dirname(first), 'tokenizer.json')).catch(() => null);
  if (beside) return null;
  const { metadata, path } = await readGguf(first);
  const copied = new Map<string, GgufValue>();
  for (const [key, entry] of metadata) {
    if (key.startsWith(prefix)) copied.set(key, await copyOf(key, entry, path));
  }
  return { metadata: copied, notes: [] };
}

async function copyOf(key: string, { begin, end }: GgufEntry, file: string): Promise<GgufValue> {
  // Behind the length of the key, eight bytes, and the key.
  const offset = begin + 8 + Buffer.byteLength(key);
  const length = end - offset;
  const where = { kind: 'stored', dtype: 'U8', name: key, shape: [length], file, offset, length } as const;
  const bytes: Uint8Array[] = [];
  for await (const block of bytesOf(where)) bytes.push(block);
  return { type: 'copied', bytes: Buffer.concat(bytes) };
}
