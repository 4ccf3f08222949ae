import { type Model, MoepressError, type Refiner, tensorsByPath } from '@moepress/core';
import { z } from 'zod';
import { withTopK } from './teacher.js';

const frozen = z.enum(['embeddings', 'attention']);
const small = z.enum(['routers', 'norms']);

const options = z.strictObject({
  /** Decides the order in which sequences are learned from. */
  seed: z.int().default(0),
  /** Absent: the data is gone through once. */
  steps: z.int().positive().optional(),
  /** Number of sequences whose gradients make one step. */
  batch: z.int().positive().default(8),
  /** The highest; it falls to a tenth. */
  learningRate: z.number().positive().default(1e-4),
  weightDecay: z.number().min(0).default(0),
  /** Largest norm of all gradients together; null for none. */
  clip: z.number().positive().nullable().default(1),
  direction: z.enum(['forward', 'reverse']).default('forward'),
  temperature: z.number().positive().default(1),
  /** Times the mean squared difference of the states after every block. */
  hiddenStates: z.number().min(0).default(0),
  /**
   * The number of the teacher's probabilities kept per token, so that the teacher need not stay in memory; null: all
   * of them.
   */
  topLogits: z.int().positive().nullable().default(null),
  /** Experts that the teacher routes a token to; by default as many as its router selects. */
  teacherTopK: z.int().positive().optional(),
  /** The tensors that are not trained. */
  freeze: z.array(frozen).default([]),
  /**
   * The only tensors that are trained: those of the routers, of the norms, or of both, which are a few thousandths of a model and
   * make a small plan. Absent: all but those that are frozen.
   */
  only: z.array(small).min(1).optional(),
  /**
   * Steps between measurements of the validation loss, if there is a validation set: the best state is kept. Null:
   * the last state is kept.
   */
  evaluateEvery: z.int().positive().nullable().default(50),
});

export type DistilOptions = z.infer<typeof options>;

/**
 * Distillation of the original into the whole compressed model: forward KL of the next-token distributions at
 * temperature 1 (arXiv:2605.28207, section 3.5), AdamW with a half cosine. The optimiser's settings are ours; the
 * paper's are not known to us. With `only: ['routers']` it repairs routers after experts have left or have been merged, with
 * `['norms']` it heals by the norms alone: both leave the experts as they are. Routers of sigmoids are reported to gain nothing by it.
 * Throws `OPTIONS_INVALID` if the teacher cannot route to `teacherTopK` experts, or if the student has none of the tensors that
 * `only` names.
 */
export const distil: Refiner<DistilOptions> = {
  specVersion: 1,
  name: 'distil',
  title: 'Distillation of the original into the compressed model',
  reference: 'arXiv:2605.28207, section 3.5',
  options,
  async refine({ student, teacher, options, sequences, validation, train }) {
    const { batch, direction, temperature, hiddenStates, topLogits, evaluateEvery, seed, clip } = options;
    const { tensors, curve } = await train({
      name: 'distil',
      model: student,
      trainable: trainablePaths(student, options),
      loss: {
        kind: 'distillation',
        teacher: options.teacherTopK === undefined ? teacher : withTopK(teacher, options.teacherTopK),
        direction,
        temperature,
        hiddenStates,
        topLogits,
      },
      sequences,
      validation,
      steps: options.steps ?? Math.ceil(sequences.length / batch),
      sequencesPerStep: batch,
      optimiser: {
        learningRate: options.learningRate,
        beta1: 0.9,
        beta2: 0.95,
        epsilon: 1e-8,
        weightDecay: options.weightDecay,
      },
      schedule: { kind: 'cosine', warmup: 0.02, final: 0.1 },
      clip,
      evaluateEvery: validation.length > 0 ? evaluateEvery : null,
      seed,
    });
    return { tensors, curves: { distil: curve } };
  },
};

const partsOf: Readonly<Record<z.infer<typeof frozen>, RegExp>> = {
  embeddings: /^(embed|head)$/,
  attention: /^blocks\.\d+\.(attention|norms\.attention)(\.|$)/,
};

const smallParts: Readonly<Record<z.infer<typeof small>, RegExp>> = {
  // A bias of the selection decides who is chosen and has no derivative.
  routers: /^blocks\.\d+\.ffn\.router\.(weight|bias)$/,
  norms: /^finalNorm(Bias)?$|^blocks\.\d+\.(.+\.)?(norms|qkNorm)\./,
};

function trainablePaths(model: Model, { freeze, only }: Pick<DistilOptions, 'freeze' | 'only'>): string[] {
  const paths = [...tensorsByPath(model).keys()].filter(
    (path) =>
      !freeze.some((part) => partsOf[part].test(path)) &&
      (only === undefined || only.some((part) => smallParts[part].test(path))),
  );
  if (paths.length > 0) return paths;
  throw new MoepressError('OPTIONS_INVALID', {
    message: `The student has no tensors of ${only?.join(' or ') ?? 'any part'} that are not frozen.`,
    where: 'options.only',
    hint: 'Name a part that it has, such as norms, or leave the option out.',
  });
}
