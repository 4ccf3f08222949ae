import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openModel } from '@moepress/checkpoint';
import { type Model, MoepressError, measure, sha256, type Work } from '@moepress/core';
import { ggufPartsOf, planSlice } from '@moepress/export';
import { defaultEvidenceRoot, modelIdentity } from '@moepress/runtime';
import type { ExportSubject } from '../exporting/export-target.js';
import { ggufTarget, sourceType } from '../exporting/gguf-target.js';
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

/** A GGUF file of a model, and the type of its weights: `source` for those of the GGUF file that it was opened from. */
export interface FoundGguf {
  readonly file: string;
  readonly type: string;
}

/**
 * A GGUF file of a model: the one that it was opened from, if that is what it is, else one in the cache, under a name made
 * of what is in it: its weights as the plan leaves them, its tokenizer, and the type of its numbers. It is written the
 * first time, and appears whole or not at all. Throws what `exportModel` throws.
 */
export async function findGguf(model: Model, work: Work): Promise<FoundGguf> {
  const { base, type } = await waysOf(model);
  const [own] = ggufPartsOf(model) ?? [];
  if (own !== undefined && base !== model && isDeepStrictEqual(weightsOf(base), weightsOf(model)))
    return { file: own, type };
  const { hash, checkUnchanged } = await modelIdentity(model, work);
  const name = sha256(JSON.stringify([format, hash, await companionsHash(model.source.directory), type]));
  const file = join(root(), `${name}.gguf`);
  if (await stat(file).catch(() => null)) return { file, type };
  await mkdir(root(), { recursive: true });
  // Somebody else may be at the same.
  const partial = join(root(), `${name}.${process.pid}.gguf`);
  try {
    const subject: ExportSubject = { view: model, base, plan: undefined };
    await ggufTarget.write(subject, partial, { ...work, type, layout: 'compact', force: true });
    await checkUnchanged();
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  return { file, type };
}

/** How the weights of a model are stored for llama.cpp, and the model whose blocks they are taken from. */
async function waysOf(model: Model): Promise<{ readonly base: Model; readonly type: string }> {
  const [own] = ggufPartsOf(model) ?? [];
  const base = own === undefined ? null : await openModel(own);
  if (base && (await keepsBlocks(base, model))) return { base, type: sourceType };
  return { base: model, type: measure(model).total.parameters <= mostExactWeights ? 'f32' : 'f16' };
}

async function keepsBlocks(base: Model, view: Model): Promise<boolean> {
  try {
    await planSlice(base, view);
    return true;
  } catch (error) {
    if (MoepressError.isInstance(error) && error.code === 'CONFIG_UNSUPPORTED') return false;
    throw error;
  }
}

const weightsOf = ({ embed, blocks, finalNorm, head }: Model) => ({ embed, blocks, finalNorm, head });
