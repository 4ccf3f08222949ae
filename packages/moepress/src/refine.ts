import { makeTemporary } from '@moepress/checkpoint';
import { type CalibrationRecord, parseOptions } from '@moepress/core';
import { defaultRunsRoot, recordOf, refineModel } from '@moepress/runtime';
import { renaming } from './check-options.js';
import { notKept } from './files/output.js';
import { type FindOptions, findRefiner, type RefinerInput } from './methods/find-methods.js';
import { type DataOptions, type TextsInput, type TrainingData, trainingSet } from './models/model-data.js';
import { type ModelInput, type ModelOptions, resolveModel, warnOfOtherBase } from './models/open-model.js';
import { type CacheOption, type ComputeOptions, cacheFolder, type WorkOptions, workOf } from './options.js';
import { applyPlanFile, type PlanInput, resolvePlan } from './plans/plan-file.js';
import type { RefinedPlan } from './plans/write-plan.js';

export interface RefineOptions
  extends Pick<ComputeOptions, 'threads' | 'memory'>,
    DataOptions,
    ModelOptions,
    FindOptions,
    WorkOptions {
  /** The refiner's name, such as `distil`, or the refiner itself. */
  readonly refiner: RefinerInput;
  /** What to learn from: of a task's solved questions, the answers. */
  readonly train: TextsInput;
  /** What to judge the student by meanwhile. */
  readonly validate?: TextsInput | undefined;
  /** Other options of the refiner, by name. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Only `training` is used here: the folder in which a run keeps its state, to continue from it. */
  readonly cache?: CacheOption | undefined;
}

/**
 * Trains what a plan leaves of a model to do as the model does. `writePlan` keeps the result. Throws `METHOD_UNKNOWN`,
 * `OPTIONS_INVALID`, `PLUGIN_INVALID`, `CALIBRATION_INVALID`, `MEMORY_EXCEEDED`, `DISK_FULL` or `WRITE_FAILED` where
 * training cannot keep its state in a folder that was chosen, and what `openModel` and `applyPlan` throw.
 */
export async function refine(
  model: ModelInput,
  plan: PlanInput,
  options: RefineOptions,
): Promise<RefinedPlan> {
  const { train, validate, seed = 0, threads, memory } = options;
  const work = workOf(options);
  const file = await resolvePlan(plan);
  const refiner = await findRefiner(options.refiner, options);
  const own = await renaming({ 'options.seed': 'seed' }, async () =>
    parseOptions(refiner.refiner, { ...options.options, seed }),
  );
  const teacher = await resolveModel(model, options);
  await warnOfOtherBase(file.plan, teacher, work);
  const student = applyPlanFile(teacher, file);
  const textsOf = (where: 'train' | 'validate', texts: TextsInput) =>
    renaming({ calibration: where }, () => trainingSet(teacher, texts, options, work));
  const data = await textsOf('train', train);
  const validation = validate === undefined ? null : await textsOf('validate', validate);
  const refined = await inRunsFolder(options, (folder, giveUp) =>
    refineModel({
      ...work,
      ...(threads !== undefined && { threads }),
      memory,
      student,
      teacher,
      refiner,
      options: own,
      sequences: data.sequences,
      validation: validation?.sequences ?? [],
      folder,
      giveUp,
    }),
  );
  const record = {
    refiner: { name: refiner.refiner.name, ...refiner.origin },
    options: own,
    data: dataRecord(data),
  };
  return { ...refined, plan: file.plan, record };
}

type GiveUp = Parameters<typeof refineModel>[0]['giveUp'];

/** The folder in which training keeps its state; without a cache, one that is removed afterwards. */
async function inRunsFolder<Result>(
  { cache, ...options }: RefineOptions,
  use: (folder: string, giveUp: GiveUp) => Promise<Result>,
): Promise<Result> {
  const chosen = cacheFolder(cache, 'training');
  if (chosen) return use(chosen, undefined);
  if (chosen === undefined) {
    const folder = defaultRunsRoot();
    // A place that the user did not choose is a convenience: one that is full is given up.
    return use(folder, notKept('States of training', folder, workOf(options).progress));
  }
  const temporary = await makeTemporary('moepress-training-');
  try {
    return await use(temporary.path, undefined);
  } finally {
    await temporary.remove();
  }
}

const dataRecord = ({ sequences, ...set }: TrainingData): CalibrationRecord =>
  recordOf({ ...set, sequences: sequences.map(({ ids }) => ids) });
