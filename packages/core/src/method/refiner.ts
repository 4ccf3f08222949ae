import type { z } from 'zod';
import type { Work } from '../events.js';
import type { Model } from '../model/model.js';
import type { TokenSequence } from '../model/sequence.js';
import type { LearnedTensor } from '../tensor/expr.js';
import type { TrainingPoint, TrainRequest, TrainResult } from './training.js';

/**
 * Trains what a compression left: it says which tensors learn, from what, and how; the runtime trains.
 * Its result becomes part of the plan.
 */
export interface Refiner<Options extends RefineOptions = RefineOptions> {
  readonly specVersion: 1;
  /** What a user gives as `refiner`. */
  readonly name: string;
  readonly title: string;
  readonly reference: string;
  readonly options: z.ZodType<Options>;
  refine(context: RefineContext<Options>): Promise<Refinement>;
}

/** Options every refiner has. */
export interface RefineOptions {
  readonly seed: number;
}

export interface RefineContext<Options> extends Work {
  /** The compressed model. */
  readonly student: Model;
  /** The model it was made from. */
  readonly teacher: Model;
  readonly options: Options;
  readonly sequences: readonly TokenSequence[];
  readonly validation: readonly TokenSequence[];
  /** Trains a stage; a killed run goes on where it was. */
  train(request: Omit<TrainRequest, keyof Work>): Promise<TrainResult>;
}

export interface Refinement {
  /** What was learned, by path (`tensorsByPath`). */
  readonly tensors: ReadonlyMap<string, LearnedTensor>;
  /** The curves of its stages, by their names. */
  readonly curves: Readonly<Record<string, readonly TrainingPoint[]>>;
}
