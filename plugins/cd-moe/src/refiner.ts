import type { TokenSequence } from '@moepress/core';
import {
  type LearnedTensor,
  type Model,
  MoepressError,
  type RefineContext,
  type Refiner,
  type TrainingPoint,
  tensorsByPath,
  withTensors,
} from '@moepress/core';
import { z } from 'zod';

const rate = z.number().positive();
const epochs = z.number().min(0);

const options = z.strictObject({
  seed: z.int().default(0),
  /** Epochs over the texts, whose every token is predicted; then epochs over the answers to questions. */
  languageEpochs: epochs.default(1),
  taskEpochs: epochs.default(1),
  learningRate: rate.default(1e-5),
  weightDecay: z.number().min(0).default(0),
  /** Largest norm of all gradients together; 0 leaves them as they are. */
  clip: z.number().min(0).default(0),
  sequencesPerStep: z.int().min(1).default(8),
  /** Tokens that a sequence is cut to. */
  maxLength: z.int().min(2).default(256),
  /** Steps between looks at the validation loss, by which the best state is kept; 0 keeps the last one. */
  evaluateEvery: z.int().min(0).default(0),
});

export type CdMoeRefineOptions = z.infer<typeof options>;
type Context = RefineContext<CdMoeRefineOptions>;

/** A part of the training with its own data. */
interface Stage {
  readonly name: string;
  readonly epochs: number;
  /** Whether this stage trains on a sequence. */
  takes(sequence: TokenSequence): boolean;
}

const isText = ({ from }: TokenSequence): boolean => from === 1;

/** Texts first, then questions, of which only the answers are predicted (arXiv:2412.00069, step E). */
const stagesOf = ({ languageEpochs, taskEpochs }: CdMoeRefineOptions): Stage[] => [
  { name: 'language', epochs: languageEpochs, takes: isText },
  { name: 'task', epochs: taskEpochs, takes: (sequence) => !isText(sequence) },
];

/**
 * CD-MoE's fine-tuning: the matrices of the condensed layers' dense FFNs and of shared experts beside them
 * learn, everything else stays. AdamW, its rate falling in a line to zero in each stage. Throws
 * `INPUT_INVALID` if no layer is condensed, `CALIBRATION_INVALID` if there is nothing to learn from.
 */
export const cdMoeRefiner: Refiner<CdMoeRefineOptions> = {
  specVersion: 1,
  name: 'cd-moe',
  title: 'CD-MoE: fine-tuning of condensed layers',
  reference: 'arXiv:2412.00069',
  options,
  async refine(context) {
    const trainable = trainablePaths(context.student, context.teacher);
    const stages = stagesOf(context.options).flatMap((stage) => {
      const sequences = cut(context.sequences.filter(stage.takes), context.options.maxLength);
      return stage.epochs > 0 && sequences.length > 0 ? [{ stage, sequences }] : [];
    });
    if (stages.length === 0) throw nothingToLearn(context);
    let tensors: ReadonlyMap<string, LearnedTensor> = new Map();
    const curves: Record<string, readonly TrainingPoint[]> = {};
    for (const { stage, sequences } of stages) {
      const model = withTensors(context.student, tensors);
      const result = await context.train({ ...request(context, stage, sequences), model, trainable });
      tensors = result.tensors;
      curves[stage.name] = result.curve;
    }
    return { tensors, curves };
  },
};

/** The training settings of a stage, independent of model and tensors. */
function request(
  { validation, options }: Context,
  { name, epochs, takes }: Stage,
  sequences: readonly TokenSequence[],
) {
  const { learningRate, weightDecay, clip, sequencesPerStep, maxLength, evaluateEvery, seed } = options;
  const judges = cut(validation.filter(takes), maxLength);
  return {
    name,
    loss: { kind: 'cross-entropy' as const },
    sequences,
    validation: judges,
    steps: Math.max(1, Math.round((epochs * sequences.length) / sequencesPerStep)),
    sequencesPerStep,
    optimiser: { learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay },
    schedule: { kind: 'linear' as const, warmup: 0, final: 0 },
    clip: clip > 0 ? clip : null,
    evaluateEvery: evaluateEvery > 0 && judges.length > 0 ? evaluateEvery : null,
    seed,
  };
}

/** The matrices of layers that are dense in the student and have a router in the teacher. */
function trainablePaths(student: Model, teacher: Model): string[] {
  const condensed = student.blocks.filter(
    ({ index, ffn }) => ffn.kind === 'dense' && teacher.blocks[index]?.ffn.kind === 'moe',
  );
  if (condensed.length === 0) {
    throw new MoepressError('INPUT_INVALID', {
      message: 'No layer of the model is condensed, so there is nothing to train.',
      where: student.source.directory,
      hint: 'Give a plan that condenses layers, such as one of cd-moe.',
    });
  }
  const matrices = condensed.flatMap(({ index }) =>
    ['mlp', 'shared.mlp'].flatMap((part) =>
      ['gate', 'up', 'down'].map((matrix) => `blocks.${index}.ffn.${part}.${matrix}`),
    ),
  );
  const known = tensorsByPath(student);
  return matrices.filter((path) => known.get(path)?.shape.every((size) => size > 0));
}

/** Sequences cut to at most the given number of tokens, without those in which no token is predicted. */
function cut(sequences: readonly TokenSequence[], maxLength: number): TokenSequence[] {
  return sequences
    .map(({ ids, from }) => ({ ids: ids.slice(0, maxLength), from }))
    .filter(({ ids, from }) => from < ids.length);
}

function nothingToLearn({ options }: Context): MoepressError {
  return new MoepressError('CALIBRATION_INVALID', {
    message: `No sequence has a token to predict within ${options.maxLength} tokens, in a stage of more than 0 epochs.`,
    where: 'the training data',
    hint: 'Give texts or questions with answers, or a larger maxLength.',
  });
}
