import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Model, measure, sha256, type Work } from '@moepress/core';
import { defaultEvidenceRoot, modelIdentity } from '@moepress/runtime';
import { exportModel } from '../exporting/export-model.js';
import { companionsHash } from '../models/companions.js';

/** A folder next to the evidence. */
const root = () => join(dirname(defaultEvidenceRoot()), 'gguf');

/** Changes when the same model is written otherwise. */
const format = 1;

/**
 * Weights up to which a model is exported in fp32, with which llama.cpp computes as we do. With halves it rounds what
 * it multiplies them with to halves, too, which is as fast to read as such a model allows.
 */
const mostExactWeights = 1e9;

/** How the weights of a model are stored for llama.cpp. */
export const ggufTypeOf = (model: Model): 'f32' | 'f16' =>
  measure(model).total.parameters <= mostExactWeights ? 'f32' : 'f16';

/**
 * The GGUF file of a model in the cache, under a name made of what is in it: its weights as the plan leaves them, its
 * tokenizer, and the type of its numbers. It is written the first time, and appears whole or not at all. Throws what
 * `exportModel` throws.
 */
export async function cachedGguf(model: Model, { signal, progress }: Work): Promise<string> {
  const { hash, checkUnchanged } = await modelIdentity(model, { signal, progress });
  const type = ggufTypeOf(model);
  const name = sha256(JSON.stringify([format, hash, await companionsHash(model.source.directory), type]));
  const file = join(root(), `${name}.gguf`);
  if (await stat(file).catch(() => null)) return file;
  await mkdir(root(), { recursive: true });
  // Somebody else may be at the same.
  const own = join(root(), `${name}.${process.pid}.gguf`);
  try {
    await exportModel(model, own, { to: 'gguf', type, force: true, signal, onProgress: progress });
    await checkUnchanged();
    await rename(own, file);
  } finally {
    await rm(own, { force: true });
  }
  return file;
}
