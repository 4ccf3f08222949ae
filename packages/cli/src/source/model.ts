import { openModel, openTokenizer } from '@moepress/checkpoint';
import type { Model, Tokenizer, Work } from '@moepress/core';
import { applyPlan, parsePlan } from '@moepress/core';
import { tinyModel } from '@moepress/tiny';
import { readText } from './text.js';

/** What users write for the embedded model; a folder of that name is `./tiny`. */
export const embeddedName = 'tiny';

/** Opens a folder, a Hub id or `tiny`, and the view of it that a plan file describes. */
export async function openView(
  id: string,
  options: { revision?: string; plan?: string } & Work,
): Promise<Model> {
  const base = await openBase(id, options);
  if (options.plan === undefined) return base;
  return applyPlan(base, parsePlan(await readText(options.plan, 'PLAN_INVALID'), options.plan));
}

export async function openBase(id: string, options: { revision?: string } & Work): Promise<Model> {
  if (id === embeddedName) return { ...(await openModel(tinyModel.directory, options)), id };
  return openModel(id, options);
}

export function tokenizerOf(model: Model): Promise<Tokenizer> {
  return openTokenizer(model.source.directory);
}
