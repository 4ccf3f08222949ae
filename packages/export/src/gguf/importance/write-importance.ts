import { dirname } from 'node:path';
import { checkSpace, type FileOutput } from '@moepress/checkpoint';
import { throwIfAborted, type Work } from '@moepress/core';
import { planFile } from '../file/file-plan.js';
import { text, texts, uint } from '../file/metadata.js';
import { writePlannedFile } from '../file/write-file.js';
import type { Importance } from './importance.js';
import { importanceKind, ownImportanceKey, suffixes, textsKey } from './importance-format.js';

export interface WriteImportanceOptions extends Work {
  /** Sequences that were measured, and the tokens of the longest. */
  readonly chunks: { readonly count: number; readonly size: number };
}

/**
 * Writes an importance matrix as a GGUF file that `llama-quantize --imatrix` reads; it appears whole or not at all. Throws
 * `DISK_FULL`, `WRITE_FAILED` and `ABORTED`.
 */
export async function writeImportance(
  importance: Importance,
  output: FileOutput,
  { chunks, ...work }: WriteImportanceOptions,
): Promise<{ readonly bytes: number }> {
  try {
    throwIfAborted(work.signal);
    const metadata = new Map([
      ['general.type', text(importanceKind)],
      [ownImportanceKey, uint(1)],
      [textsKey, texts(importance.texts)],
      ['imatrix.chunk_count', uint(chunks.count)],
      ['imatrix.chunk_size', uint(chunks.size)],
    ]);
    const tensors = [...importance.tensors].flatMap(([name, { squares, counts }]) => {
      const shape = [counts.length, squares.length / counts.length];
      return [
        { name: `${name}${suffixes.squares}`, shape, from: Float32Array.from(squares), type: 'f32' as const },
        {
          name: `${name}${suffixes.counts}`,
          shape: [counts.length, 1],
          from: Float32Array.from(counts),
          type: 'f32' as const,
        },
      ];
    });
    const plan = planFile(metadata, tensors);
    await checkSpace(dirname(output.path), plan.totalBytes);
    await writePlannedFile(output.path, plan, work);
    await output.commit();
    return { bytes: plan.totalBytes };
  } finally {
    await output.abandon();
  }
}
