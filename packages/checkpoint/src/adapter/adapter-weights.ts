import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MoepressError, type StoredTensor } from '@moepress/core';
import { readSafetensors } from '../safetensors/read.js';
import { mergeLine } from './adapter-config.js';

export const adapterFile = 'adapter_model.safetensors';

/** The two matrices that are added to the weight of a module. */
export interface LowRankPair {
  /** `lora_A`: [rank, in]; of an embedding [rank, vocabulary]. */
  readonly a: StoredTensor;
  /** `lora_B`: [out, rank]. */
  readonly b: StoredTensor;
  /** Whether the weight is an embedding, [vocabulary, out], to which the product is added transposed. */
  readonly embedding: boolean;
}

/** The changes of an adapter, by the names of the base's modules and tensors. */
export interface AdapterWeights {
  /** Pairs of matrices by module name. */
  readonly pairs: ReadonlyMap<string, LowRankPair>;
  /** Tensors that replace those of the base, by name: `modules_to_save`, and biases that were trained. */
  readonly replaced: ReadonlyMap<string, StoredTensor>;
  /** SHA-256 of the file's header. */
  readonly headerHash: string;
}

/** `<module>.lora_A[.<adapter>].weight`, of an embedding `<module>.lora_embedding_A[.<adapter>]`. */
const lowRankName = /^(.+)\.lora_(embedding_)?([AB])(?:\.default)?(?:\.weight)?$/;

/**
 * Reads adapter_model.safetensors, without its data. Throws `CHECKPOINT_NOT_FOUND`, with the line that merges the
 * adapter, if it is in another form; `CHECKPOINT_INVALID` for a matrix without its counterpart; what
 * `readSafetensors` throws.
 */
export async function readAdapterWeights(directory: string): Promise<AdapterWeights> {
  const path = join(directory, adapterFile);
  if (!(await stat(path).catch(() => null))) {
    throw new MoepressError('CHECKPOINT_NOT_FOUND', {
      message: `There is an adapter_config.json, but no ${adapterFile}.`,
      where: directory,
      hint: `Download ${adapterFile}. adapter_model.bin is not supported: ${mergeLine(directory)}`,
    });
  }
  const { tensors, headerHash } = await readSafetensors(path);
  const halves = new Map<string, Partial<Record<'A' | 'B', StoredTensor>> & { embedding: boolean }>();
  const replaced = new Map<string, StoredTensor>();
  for (const [key, tensor] of tensors) {
    const name = key.replace(/^base_model\.model\./, '');
    const match = lowRankName.exec(name);
    if (!match) {
      replaced.set(name.replace(/\.(?:base_layer|modules_to_save(?:\.default)?)\./, '.'), tensor);
      continue;
    }
    const [, module, embedding, half] = match as unknown as [string, string, string | undefined, 'A' | 'B'];
    halves.set(module, { ...halves.get(module), embedding: embedding !== undefined, [half]: tensor });
  }
  const pairs = new Map<string, LowRankPair>();
  for (const [module, { A, B, embedding }] of halves) {
    const fits =
      A?.shape.length === 2 && B?.shape.length === 2 && A.shape[0] === B.shape[1] && A.shape[0]! > 0;
    if (!A || !B || !fits) {
      throw new MoepressError('CHECKPOINT_INVALID', {
        message: `The matrices lora_A [${A?.shape ?? 'missing'}] and lora_B [${B?.shape ?? 'missing'}] do not make a product.`,
        where: `${path}: ${module}`,
      });
    }
    pairs.set(module, { a: A, b: B, embedding });
  }
  return { pairs, replaced, headerHash };
}
