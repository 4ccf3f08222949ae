import type { Work } from '../events.js';
import type { Model } from '../model/model.js';
import type { TokenSequence } from '../model/sequence.js';
import type { LearnedTensor } from '../tensor/expr.js';
import type { OptionsSchema } from './options-schema.js';
import type { TrainingPoint, TrainRequest, TrainResult } from './training.js';

/**
 * Trains a compressed model: it says which tensors are trained, on what and how, and the runtime trains them. The
 * result becomes part of the plan.
 */
export interface Refiner<Options extends RefineOptions = RefineOptions> {
  readonly specVersion: 1;
  /** The name that a user gives as `refiner`. */
  readonly name: string;
  readonly title: string;
  readonly reference: string;
  readonly options: OptionsSchema<Options>;
  refine(context: RefineContext<Options>): Promise<Refinement>;
}

/** Options that every refiner has. */
export interface RefineOptions {
  readonly seed: number;
}

export interface RefineContext<Options> extends Work {
  /** The compressed model. */
  readonly student: Model;
  /** The model that it was made from. */
  readonly teacher: Model;
  readonly options: Options;
  readonly sequences: readonly TokenSequence[];
  readonly validation: readonly TokenSequence[];
  /** Trains one stage; an interrupted run continues from its last saved step. */
  train(request: Omit<TrainRequest, keyof Work>): Promise<TrainResult>;
}

export interface Refinement {
  /** The trained tensors by path (`tensorsByPath`). */
  readonly tensors: ReadonlyMap<string, LearnedTensor>;
  /** The loss curves of the stages by name. */
  readonly curves: Readonly<Record<string, readonly TrainingPoint[]>>;
}
