import { resolve } from 'node:path';
import { openModel as openCheckpoint, UnknownArchitecture } from '@moepress/checkpoint';
import type { CompressionPlan, Model, Work } from '@moepress/core';
import { knownWeightsDigest, weightsDigest } from '@moepress/runtime';
import { invalidOption } from '../check-options.js';
import { useArchitecture } from '../methods/use-plugins.js';
import { type PluginsOption, type WorkOptions, workOf } from '../options.js';
import { applyPlan, type PlanInput, resolvePlan } from '../plans/plan-file.js';
import { embeddedDirectory, embeddedName } from './embedded.js';

/** A folder, a GGUF file, an id on the Hub, `tiny` for the embedded model, or a model that has been opened. */
export type ModelInput = string | Model;

export interface ModelOptions {
  /** Branch, tag or commit of a Hub model; `main` by default. */
  readonly revision?: string | undefined;
  /** Where families are looked for that moepress does not know, besides what is installed. */
  readonly plugins?: PluginsOption | undefined;
}

export interface OpenModelOptions extends ModelOptions, WorkOptions {
  /** Gives the model as this plan changes it. */
  readonly plan?: PlanInput | undefined;
}

/**
 * Opens a model without reading its weights: a folder, a GGUF file, an id on the Hub, which is downloaded unless it is
 * there, or `tiny`. The folder of a compressed checkpoint opens as the view it holds. Throws `CHECKPOINT_NOT_FOUND`,
 * `CHECKPOINT_INVALID`, `ARCHITECTURE_UNKNOWN`, `CONFIG_UNSUPPORTED`, what the Hub throws, and with a plan
 * `PLAN_INVALID` and `PLAN_BASE_MISMATCH`.
 */
export function openModel(id: string, options: OpenModelOptions = {}): Promise<Model> {
  return resolveModel(id, options);
}

/** The model that is meant, as the plan changes it, if there is one. Throws what `openModel` throws. */
export async function resolveModel(
  model: ModelInput,
  {
    revision,
    plan,
    plugins,
    readsWeights,
    ...options
  }: OpenModelOptions & {
    /** False: the weights are not read to see whether the plan was made from them. */
    readonly readsWeights?: boolean;
  },
): Promise<Model> {
  if (typeof model !== 'string' && !Array.isArray((model as Partial<Model> | null)?.blocks)) {
    throw invalidOption({ where: 'model', value: model }, 'an id, a folder or an opened model');
  }
  const work = workOf(options);
  // First, because a base from the Hub may take hours to come.
  const file = plan === undefined ? null : await resolvePlan(plan);
  const base = typeof model === 'string' ? await openBase(model, { revision, plugins, ...work }) : model;
  if (file === null) return base;
  await warnOfOtherBase(file.plan, base, { ...work, ...(readsWeights !== undefined && { readsWeights }) });
  return applyPlan(base, file);
}

/** A model without a plan, also of a family that an installed plugin brings. */
export async function openBase(id: string, { plugins, ...options }: ModelOptions & Work): Promise<Model> {
  if (id === embeddedName) return { ...(await openCheckpoint(embeddedDirectory, options)), id };
  try {
    return await openCheckpoint(id, options);
  } catch (error) {
    if (!(error instanceof UnknownArchitecture)) throw error;
    const { progress: onProgress } = options;
    if (!(await useArchitecture(error.modelType, { plugins, onProgress }))) throw error;
    return openCheckpoint(id, options);
  }
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
