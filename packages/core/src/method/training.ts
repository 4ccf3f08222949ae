import type { Work } from '../events.js';
import type { Model } from '../model/model.js';
import type { TokenSequence } from '../model/sequence.js';
import type { LearnedTensor } from '../tensor/expr.js';

/** The loss that is minimised: its mean over the predicted tokens of a step. */
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
  /**
   * Weight of the mean squared difference of the states after every block, which is added to the divergence; 0 for
   * none.
   */
  readonly hiddenStates: number;
  /**
   * With a number `n`, the teacher runs over the data once and its `n` highest probabilities per token are kept,
   * together with the sum of the others, so that teacher and student need not fit into memory together. Null: the
   * teacher runs together with the student, and its whole distribution counts.
   */
  readonly topLogits: number | null;
}

/** AdamW (Loshchilov and Hutter 2019): weight decay is decoupled from the gradient. */
export interface AdamW {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/**
 * The learning rate's schedule: it rises from zero over the first `warmup` share of the steps, then stays `constant`,
 * or falls to `final` times its maximum along a line or half a cosine.
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
  /** Paths of the tensors to train (`tensorsByPath`); all others stay unchanged. */
  readonly trainable: readonly string[];
  readonly loss: TrainingLoss;
  readonly sequences: readonly TokenSequence[];
  /** Validation data, which is never trained on. */
  readonly validation: readonly TokenSequence[];
  readonly steps: number;
  /** Number of sequences whose gradients make one step; they are drawn epoch by epoch in a seeded order. */
  readonly sequencesPerStep: number;
  readonly optimiser: AdamW;
  readonly schedule: Schedule;
  /**
   * Largest norm of all gradients together; a larger gradient is scaled down to it. Null: gradients are not clipped.
   */
  readonly clip: number | null;
  /** Steps between measurements of the validation loss; the best state is kept. Null: the last state is kept. */
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
  /** Norm of the gradients before clipping. */
  readonly gradientNorm: number;
  /** Mean loss on the validation set after this step, where it was measured. */
  readonly validation?: number;
}

export interface TrainResult {
  /** The trained tensors by path, in the dtypes of the tensors they replace. */
  readonly tensors: ReadonlyMap<string, LearnedTensor>;
  readonly curve: readonly TrainingPoint[];
  /** Step after which the trained tensors were taken. */
  readonly step: number;
}
