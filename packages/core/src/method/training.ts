import type { Work } from '../events.js';
import type { Model } from '../model/model.js';
import type { TokenSequence } from '../model/sequence.js';
import type { LearnedTensor } from '../tensor/expr.js';

/** What is minimised: its mean over the predicted tokens of a step. */
export type TrainingLoss = { readonly kind: 'cross-entropy' } | DistillationLoss;

/**
 * Kullback-Leibler divergence between teacher T and student S over the vocabulary, both softened by
 * `temperature` t and the result times t²: `forward` KL(T || S), `reverse` KL(S || T).
 */
export interface DistillationLoss {
  readonly kind: 'distillation';
  readonly teacher: Model;
  readonly direction: 'forward' | 'reverse';
  readonly temperature: number;
  /** Times the mean squared difference of the states after every block, added to the divergence; 0 for none. */
  readonly hiddenStates: number;
  /**
   * With a number, the teacher runs over the data once and its `n` highest probabilities a token are kept,
   * the others as their sum, so that teacher and student need not fit into memory together. Null: the
   * teacher runs beside the student, and its whole distribution counts.
   */
  readonly topLogits: number | null;
}

/** AdamW (Loshchilov and Hutter 2019): weight decay apart from the gradient. */
export interface AdamW {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/**
 * The learning rate's course: up from zero over the first `warmup` share of the steps, then `constant`, or
 * down to `final` times its highest in a line or half a cosine.
 */
export interface Schedule {
  readonly kind: 'constant' | 'linear' | 'cosine';
  readonly warmup: number;
  readonly final: number;
}

export interface TrainRequest extends Work {
  /** Name of the stage, for progress and the loss curve. */
  readonly name: string;
  readonly model: Model;
  /** Paths of the tensors that learn (`tensorsByPath`); all others stay. */
  readonly trainable: readonly string[];
  readonly loss: TrainingLoss;
  readonly sequences: readonly TokenSequence[];
  /** Never learned from. */
  readonly validation: readonly TokenSequence[];
  readonly steps: number;
  /** Sequences whose gradients make one step; they are drawn epoch by epoch in a seeded order. */
  readonly sequencesPerStep: number;
  readonly optimiser: AdamW;
  readonly schedule: Schedule;
  /** Largest norm of all gradients together; longer ones are shortened to it. Null: as they are. */
  readonly clip: number | null;
  /** Steps between measurements of the validation loss; the best state is kept. Null: the last state is. */
  readonly evaluateEvery: number | null;
  readonly seed: number;
}

/** One step of the loss curve. */
export interface TrainingPoint {
  readonly step: number;
  /** Predicted tokens so far. */
  readonly tokens: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Mean loss on the validation set after this step, where it was measured. */
  readonly validation?: number;
}

export interface TrainResult {
  /** What was learned, by path, in the dtypes of the tensors it replaces. */
  readonly tensors: ReadonlyMap<string, LearnedTensor>;
  readonly curve: readonly TrainingPoint[];
  /** Step after which the tensors were taken. */
  readonly step: number;
}
