import { createHash } from 'node:crypto';
import type { TrainingLoss, TrainingSequence, TrainRequest } from '@moepress/core';
import { modelIdentity } from '../evidence/identity.js';

/** Raise it when the same request leads to other numbers. */
const numbersVersion = 2;

/**
 * Name of the folder of a run: a hash of everything that determines its result, as far as that goes by
 * content. The stage's name does not.
 */
export async function runName(request: TrainRequest): Promise<string> {
  const { steps, sequencesPerStep, optimiser, schedule, clip, evaluateEvery, seed } = request;
  const model = await modelIdentity(request.model);
  const loss = await lossIdentity(request.loss);
  const numbers = { steps, sequencesPerStep, optimiser, schedule, clip, evaluateEvery, seed };
  const data = [dataHash(request.sequences), dataHash(request.validation)];
  const trainable = [...new Set(request.trainable)].sort();
  return `training-${hashOf({ numbersVersion, model, loss, trainable, data, numbers })}`;
}

/** Name of the folder of a teacher's answers for some sequences. */
export async function answersName(
  loss: TrainingLoss & { kind: 'distillation' },
  sequences: readonly TrainingSequence[],
): Promise<string> {
  const { temperature, topLogits } = loss;
  const teacher = await modelIdentity(loss.teacher);
  return `teacher-${hashOf({ numbersVersion, teacher, temperature, topLogits, data: dataHash(sequences) })}`;
}

async function lossIdentity(loss: TrainingLoss): Promise<object> {
  if (loss.kind === 'cross-entropy') return loss;
  const { teacher, ...numbers } = loss;
  return { ...numbers, teacher: await modelIdentity(teacher) };
}

function dataHash(sequences: readonly TrainingSequence[]): string {
  const hash = createHash('sha256');
  for (const { ids, from } of sequences) hash.update(Int32Array.of(ids.length, from, ...ids));
  return hash.digest('hex');
}

/** Of plain data, whatever the order of the keys. */
function hashOf(value: object): string {
  const text = JSON.stringify(value, (_, inner) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
