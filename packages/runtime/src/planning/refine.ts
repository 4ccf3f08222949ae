import type { TokenSequence } from '@moepress/core';
import {
  type FoundRefiner,
  type Model,
  MoepressError,
  parseOptions,
  type Refinement,
  tensorsByPath,
  type Work,
  withTensors,
} from '@moepress/core';
import type { EngineOptions } from '../engine/engine.js';
import { train } from '../training/train.js';

export interface RefineRequest extends Work, EngineOptions {
  /** The compressed model, and the one it was made from. */
  readonly student: Model;
  readonly teacher: Model;
  readonly refiner: FoundRefiner;
  /** Unchecked; the refiner's schema judges them. */
  readonly options: object;
  readonly sequences: readonly TokenSequence[];
  readonly validation: readonly TokenSequence[];
  /** Folder in which training runs keep their states, each in a separate folder. */
  readonly folder: string;
  /**
   * Called with the reason why nothing more can be kept there, after which training continues without; if absent, an
   * error is thrown.
   */
  readonly giveUp?: ((error: MoepressError) => void) | undefined;
}

/** A refiner's result and the model with it. */
export interface Refined extends Refinement {
  readonly view: Model;
}

/**
 * Lets a refiner train a student. Throws `OPTIONS_INVALID`, `PLUGIN_INVALID` for a result that does not fit the
 * student, and what training throws.
 */
export async function refineModel(request: RefineRequest): Promise<Refined> {
  const { student, teacher, refiner, sequences, validation, folder, giveUp, progress, signal, ...engine } =
    request;
  const options = parseOptions(refiner.refiner, request.options);
  const refinement = await refiner.refiner.refine({
    student,
    teacher,
    options,
    sequences,
    validation,
    progress,
    signal,
    train: (stage) =>
      train(engine, { ...stage, progress, signal }, { folder, memory: engine.memory, giveUp }),
  });
  return { ...refinement, view: fitted(student, refinement, refiner) };
}

function fitted(student: Model, { tensors }: Refinement, { origin }: FoundRefiner): Model {
  const known = tensorsByPath(student);
  const odd = [...tensors].find(([path, { dtype }]) => known.has(path) && known.get(path)!.dtype !== dtype);
  const wrong = (problem: string, cause?: unknown) =>
    new MoepressError('PLUGIN_INVALID', {
      message: `The refiner gave tensors that do not fit: ${problem}`,
      where: `${origin.package} ${origin.version}`,
      hint: 'Report this to the author of the plugin.',
      cause,
    });
  if (odd) throw wrong(`${odd[0]} is ${odd[1].dtype} and not ${known.get(odd[0])!.dtype}.`);
  if (tensors.size === 0) throw wrong('there are none.');
  try {
    return withTensors(student, tensors);
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'PLAN_INVALID') throw error;
    throw wrong(`${error.message} (${error.where})`, error);
  }
}
