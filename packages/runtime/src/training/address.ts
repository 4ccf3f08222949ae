import { createHash } from 'node:crypto';
import type { TokenSequence, TrainingLoss, TrainRequest, Work } from '@moepress/core';
import { modelIdentity } from '../evidence/identity.js';

/** Name of a folder whose content depends on the weights of some models. */
export interface Address {
  readonly name: string;
  /** Throws `CHECKPOINT_CHANGED` if weights are no longer those that the name stands for. */
  checkUnchanged(): Promise<void>;
}

/** Raise it when the same request leads to other numbers. */
const numericsVersion = 3;

/**
 * Address of a run: a hash of everything that determines its result, as far as that goes by content. The stage's
 * name does not. Throws what `modelIdentity` throws.
 */
export async function runAddress(request: TrainRequest): Promise<Address> {
  const { steps, sequencesPerStep, optimiser, schedule, clip, evaluateEvery, seed, ...rest } = request;
  const work = { progress: rest.progress, signal: rest.signal };
  const { hash: model, checkUnchanged } = await modelIdentity(request.model, work);
  const { loss, checkTeacher } = await lossIdentity(request.loss, work);
  const numbers = { steps, sequencesPerStep, optimiser, schedule, clip, evaluateEvery, seed };
  const data = [dataHash(request.sequences), dataHash(request.validation)];
  const trainable = [...new Set(request.trainable)].sort();
  return {
    name: `training-${hashOf({ numericsVersion, model, loss, trainable, data, numbers })}`,
    checkUnchanged: async () => {
      await checkUnchanged();
      await checkTeacher();
    },
  };
}

/** Address of a teacher's answers for some sequences. Throws what `modelIdentity` throws. */
export async function answersAddress(
  loss: TrainingLoss & { kind: 'distillation' },
  sequences: readonly TokenSequence[],
  work: Work,
): Promise<Address> {
  const { temperature, topLogits } = loss;
  const { hash: teacher, checkUnchanged } = await modelIdentity(loss.teacher, work);
  const data = dataHash(sequences);
  const name = `teacher-${hashOf({ numericsVersion, teacher, temperature, topLogits, data })}`;
  return { name, checkUnchanged };
}

async function lossIdentity(
  loss: TrainingLoss,
  work: Work,
): Promise<{ readonly loss: object; checkTeacher(): Promise<void> }> {
  if (loss.kind === 'cross-entropy') return { loss, checkTeacher: async () => {} };
  const { teacher, ...numbers } = loss;
  const { hash, checkUnchanged } = await modelIdentity(teacher, work);
  return { loss: { ...numbers, teacher: hash }, checkTeacher: checkUnchanged };
}

function dataHash(sequences: readonly TokenSequence[]): string {
  const hash = createHash('sha256');
  for (const { ids, from } of sequences) hash.update(Int32Array.of(ids.length, from, ...ids));
  return hash.digest('hex');
}

/** A hash of plain data that does not depend on the order of keys. */
function hashOf(value: object): string {
  const text = JSON.stringify(value, (_, inner) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
