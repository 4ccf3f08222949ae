import { resolve } from 'node:path';
import { openModel, openTokenizer } from '@moepress/checkpoint';
import type { CompressionPlan, Model, Tokenizer, Work } from '@moepress/core';
import { planHash } from '@moepress/core';
import { tinyModel } from '@moepress/tiny';
import { applyPlanFile, readPlan } from './plan.js';

/** What users write for the embedded model; a folder of that name is `./tiny`. */
export const embeddedName = 'tiny';

interface BaseOptions extends Work {
  readonly revision?: string;
}

/** Opens a folder, a Hub id or `tiny`, and the view of it that a plan file describes. */
export async function openView(id: string, options: BaseOptions & { plan?: string }): Promise<Model> {
  // First, because a base from the Hub may take hours to come.
  const file = options.plan === undefined ? null : await readPlan(options.plan);
  const base = await openBase(id, options);
  if (file === null) return base;
  warnOfOtherBase(file.plan, base, options);
  return { ...applyPlanFile(base, file), id: `${base.id}+plan-${planHash(file.plan).slice(0, 12)}` };
}

export async function openBase(id: string, options: BaseOptions): Promise<Model> {
  if (id === embeddedName) return { ...(await openModel(tinyModel.directory, options)), id };
  return openModel(id, options);
}

/** A plan knows its base by names and shapes; equal ones of a fine-tuned sibling would pass. */
export function warnOfOtherBase({ base }: CompressionPlan, model: Model, { progress }: Work): void {
  const sameId = base.id === model.id || resolve(base.id) === model.source.directory;
  if (sameId && base.revision === model.revision) return;
  const name = ({ id, revision }: Pick<Model, 'id' | 'revision'>) => (revision ? `${id} @ ${revision}` : id);
  progress?.({
    type: 'warning',
    message: `The plan was made from ${name(base)}, this is ${name(model)}. Their tensors have the same names and shapes; whether they hold the same weights was not checked.`,
  });
}

export function tokenizerOf(model: Model): Promise<Tokenizer> {
  return openTokenizer(model.source.directory);
}
