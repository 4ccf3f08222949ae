import { MoepressError, type TrainingPoint, type TrainRequest, throwIfAborted } from '@moepress/core';
import { bestStep } from './curve.js';
import type { Gradients } from './gradients.js';
import { stepOrder } from './order.js';
import type { Parameters } from './parameters.js';
import type { RunFolder } from './run-folder.js';
import { SaveClock } from './saving.js';
import { scheduled } from './schedule.js';
import { predictedIn, type TrainingBatch, trainingBatches } from './training-batches.js';

/** The tools of a run. */
export interface LoopParts {
  readonly gradients: Gradients;
  readonly parameters: Parameters;
  readonly run: RunFolder;
  /** Tokens that go through the model together. */
  readonly tokens: number;
  /** Seconds between two states on disk. */
  readonly saveEvery: number;
}

/** Takes the steps of a run, from where an earlier one was saved; yields the loss curve. */
export async function takeSteps(request: TrainRequest, parts: LoopParts): Promise<TrainingPoint[]> {
  const { name, steps, sequences, sequencesPerStep, seed, progress, evaluateEvery } = request;
  const { gradients, parameters, run, tokens } = parts;
  const resumed = await run.resume();
  if (!resumed) await parameters.begin();
  const curve = resumed ?? [];
  const clock = new SaveClock(parts.saveEvery);
  const validation = trainingBatches(request.model, request.validation, tokens);
  const order = stepOrder(sequences.length, sequencesPerStep, seed, curve.length);
  let saved = curve.length;
  const save = () =>
    clock.run(async () => {
      await run.save(curve, tokens);
      saved = curve.length;
    });
  const evaluate = async () =>
    (await sumOf(validation, request, (batch) => gradients.loss(batch))) / predictedIn(request.validation);

  progress?.({ type: 'start', task: name, total: steps, unit: 'steps' });
  try {
    if (resumed) progress?.({ type: 'advance', task: name, done: curve.length, note: 'resumed' });
    for (let step = curve.length + 1; step <= steps; step++) {
      const drawn = order.next().value.map((i) => sequences[i]!);
      const predicted = predictedIn(drawn);
      const batches = trainingBatches(request.model, drawn, tokens);
      const sum = await sumOf(batches, request, (batch) => gradients.add(batch, 1 / predicted)).catch(
        async (error) => {
          // No parameter has moved since the last step, so that can be gone on from.
          if (curve.length > saved) await save();
          throw error;
        },
      );
      const loss = sum / predicted;
      const moved = await learn(request, parameters, step, loss);
      const isEvaluated = evaluateEvery !== null && (step % evaluateEvery === 0 || step === steps);
      const point = {
        ...{ step, tokens: (curve.at(-1)?.tokens ?? 0) + predicted, loss, ...moved },
        ...(isEvaluated && { validation: await evaluate() }),
      };
      curve.push(point);
      if (bestStep(curve) === step) await run.saveBest(step);
      await run.note(point);
      if (clock.isDue && step < steps) await save();
      progress?.({ type: 'advance', task: name, done: step, note: noteOf(point) });
    }
    return curve;
  } finally {
    progress?.({ type: 'end', task: name });
  }
}

/** Computed one after the other, in order: sums of floats depend on it. */
async function sumOf(
  batches: readonly TrainingBatch[],
  { signal }: TrainRequest,
  lossOf: (batch: TrainingBatch) => Promise<number>,
): Promise<number> {
  let sum = 0;
  for (const batch of batches) {
    throwIfAborted(signal);
    sum += await lossOf(batch);
  }
  return sum;
}

/** Moves the parameters by the gradients of a step. */
async function learn(
  { name, optimiser, schedule, steps, clip }: TrainRequest,
  parameters: Parameters,
  step: number,
  loss: number,
): Promise<{ learningRate: number; gradientNorm: number }> {
  const gradientNorm = await parameters.gradientNorm();
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    throw new MoepressError('WEIGHTS_NOT_FINITE', {
      message: `At step ${step} the loss is ${loss} and the gradient ${gradientNorm}.`,
      where: name,
      hint: 'Lower the learning rate, warm up longer, or clip gradients.',
    });
  }
  const learningRate = optimiser.learningRate * scheduled(schedule, step, steps);
  const scale = clip !== null && gradientNorm > clip ? clip / gradientNorm : 1;
  await parameters.learn(optimiser, { ...optimiser, learningRate, step, scale });
  return { learningRate, gradientNorm };
}

const noteOf = ({ loss, validation }: TrainingPoint): string =>
  `loss ${loss.toFixed(4)}${validation === undefined ? '' : `, validation ${validation.toFixed(4)}`}`;
