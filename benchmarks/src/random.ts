import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TensorEntry, writeSafetensors } from '@moepress/checkpoint';
import { createRng, elementCount, type Work } from '@moepress/core';

/** Writes a checkpoint, unless `directory` has one already. */
export async function writeCheckpoint(
  directory: string,
  config: object,
  tensors: Iterable<TensorEntry>,
  work: Work = {},
): Promise<void> {
  if (existsSync(join(directory, 'config.json'))) return;
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await writeSafetensors(join(partial, 'model.safetensors'), [...tensors], work);
  await writeFile(join(partial, 'config.json'), JSON.stringify(config, null, 2));
  await rename(partial, directory);
}

/** A number that a bf16 1.0 and an e8m0 2^-7 are written as. */
const one = 0x3f80;
const scale = 120;

/**
 * The factor on the noise of embeddings. Attention of noise yields nearly the same for all tokens, and much more of it than
 * small embeddings, by which tokens would differ: routers would send them all to the same few experts.
 */
const embedded = 32;

/**
 * Makes random matrices, embeddings that routers spread over all experts as those of trained models are, norms of ones, and
 * matrices of 4-bit floats as small as the others.
 */
export function randomTensors() {
  const noise = bf16Noise();
  const large = bf16Noise(embedded);
  const bytes = new Uint8Array(noise.buffer, 0, 2 ** 19).map((byte, i) => byte ^ (i * 31));
  const scales = new Uint8Array(2 ** 16).fill(scale);
  return {
    matrix: (name: string, ...shape: number[]) => entry(name, 'BF16', shape, noise),
    embedding: (name: string, vocabulary: number, hidden: number) =>
      entry(name, 'BF16', [vocabulary, hidden], large),
    norm: (name: string, size: number) => entry(name, 'BF16', [size], new Uint16Array(size).fill(one)),
    /** Matrices of experts whose rows are stored one after the other, `width` numbers each (a multiple of 32). */
    mxfp4: (name: string, experts: number, rows: number, width: number) => [
      entry(`${name}_blocks`, 'U8', [experts, rows, width / 32, 16], bytes),
      entry(`${name}_scales`, 'U8', [experts, rows, width / 32], scales),
    ],
  };
}

/** A megabyte of random bf16 numbers, small but for `factor`, told apart from tensor to tensor by where it is cut. */
function bf16Noise(factor = 1): Uint16Array {
  const rng = createRng(0);
  const floats = Float32Array.from({ length: 1 << 19 }, () => (rng.next() - 0.5) * 0.07 * factor);
  return Uint16Array.from(new Uint32Array(floats.buffer), (bits) => bits >>> 16);
}

/** A tensor that repeats a pattern. */
function entry(
  name: string,
  dtype: 'BF16' | 'U8',
  shape: number[],
  pattern: Uint16Array | Uint8Array,
): TensorEntry {
  return {
    name,
    dtype,
    shape,
    *bytes() {
      let left = elementCount(shape);
      let start =
        left === pattern.length
          ? 0
          : [...name].reduce((sum, c) => sum + 7919 * c.charCodeAt(0), 0) % pattern.length;
      while (left > 0) {
        const part = pattern.subarray(start, Math.min(pattern.length, start + left));
        yield new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
        left -= part.length;
        start = 0;
      }
    },
  };
}
