import { resolve } from 'node:path';
import { openModel, openTokenizer } from '@moepress/checkpoint';
import type { CompressionPlan, Model, Tokenizer, Work } from '@moepress/core';
import { planHash } from '@moepress/core';
import { knownWeightsDigest, weightsDigest } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { applyPlanFile, readPlan } from '../plans/plan-file.js';

/** What users write for the embedded model; a folder of that name is `./tiny`. */
export const embeddedName = 'tiny';

interface BaseOptions extends Work {
  readonly revision?: string;
}

/** Opens a folder, a Hub id or `tiny`, and the view of it that a plan file describes. */
export async function openView(
  id: string,
  options: BaseOptions & { plan?: string; readsWeights?: boolean },
): Promise<Model> {
  // First, because a base from the Hub may take hours to come.
  const file = options.plan === undefined ? null : await readPlan(options.plan);
  const base = await openBase(id, options);
  if (file === null) return base;
  await warnOfOtherBase(file.plan, base, options);
  return { ...applyPlanFile(base, file), id: `${base.id}+plan-${planHash(file.plan).slice(0, 12)}` };
}

export async function openBase(id: string, options: BaseOptions): Promise<Model> {
  if (id === embeddedName) return { ...(await openModel(tinyModel.directory, options)), id };
  return openModel(id, options);
}

/**
 * Warns if a model may not be the one that a plan was made from, as a fine-tune with the same names and shapes. A plan
 * that was measured knows its base by all bytes; where that is not to be read for it (`readsWeights` is false), or
 * nothing was measured, what the model is called decides.
 */
export async function warnOfOtherBase(
  { base }: CompressionPlan,
  model: Model,
  { readsWeights = true, ...work }: Work & { readonly readsWeights?: boolean },
): Promise<void> {
  const { progress } = work;
  const name = ({ id, revision }: Pick<Model, 'id' | 'revision'>) => (revision ? `${id} @ ${revision}` : id);
  if (base.weights !== null) {
    const found = readsWeights ? (await weightsDigest(model, work)).hash : await knownWeightsDigest(model);
    if (found === base.weights) return;
    if (found !== null) {
      progress?.({
        type: 'warning',
        message: `The plan was measured on other weights, those of ${name(base)}, than ${name(model)} has: what it decided may not suit them.`,
      });
      return;
    }
  }
  const sameId = base.id === model.id || resolve(base.id) === model.source.directory;
  if (sameId && base.revision === model.revision) return;
  progress?.({
    type: 'warning',
    message: `The plan was made from ${name(base)}, this is ${name(model)}. Their tensors have the same names and shapes; whether they hold the same weights was not checked.`,
  });
}

export function tokenizerOf(model: Model): Promise<Tokenizer> {
  return openTokenizer(model.source.directory);
}
