import { join } from 'node:path';
import type { Model, TokenSequence, TrainingLoss } from '@moepress/core';
import { tensorsByPath } from '@moepress/core';
import { train } from '@moepress/runtime';

const [begin, end] = [4, 20] as const;
const rounds = 3;
const [sequencesPerStep, length] = [16, 128] as const;

/**
 * Seconds of a training step with each teacher, or none, of the best of a few rounds, each through all of them, so that a
 * machine that slows down slows all. The first steps, which open sessions, do not count.
 */
export async function timeSteps<Name extends string>(
  student: Model,
  teachers: Readonly<Record<Name, Model | null>>,
  sequences: readonly TokenSequence[],
  folder: string,
): Promise<{ readonly tokens: number; readonly seconds: Readonly<Record<Name, number>> }> {
  const data = sequences.filter(({ ids }) => ids.length === length);
  const seconds = {} as Record<Name, number>;
  for (let round = 0; round < rounds; round++) {
    for (const [name, teacher] of Object.entries<Model | null>(teachers) as [Name, Model | null][]) {
      const time = await timeRun(student, lossOf(teacher), data, join(folder, `speed-${name}-${round}`));
      seconds[name] = Math.min(seconds[name] ?? Number.POSITIVE_INFINITY, time);
    }
  }
  return { tokens: sequencesPerStep * length, seconds };
}

const lossOf = (teacher: Model | null): TrainingLoss =>
  teacher
    ? {
        kind: 'distillation',
        teacher,
        direction: 'forward',
        temperature: 1,
        hiddenStates: 0,
        topLogits: null,
      }
    : { kind: 'cross-entropy' };

async function timeRun(
  model: Model,
  loss: TrainingLoss,
  sequences: readonly TokenSequence[],
  folder: string,
): Promise<number> {
  const times: number[] = [];
  await train(
    {},
    {
      name: 'speed',
      model,
      trainable: [...tensorsByPath(model).keys()],
      loss,
      sequences,
      validation: [],
      steps: end,
      sequencesPerStep,
      optimiser: { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 },
      schedule: { kind: 'constant', warmup: 0, final: 1 },
      clip: 1,
      evaluateEvery: null,
      seed: 0,
      progress: ({ type }) => {
        if (type === 'advance') times.push(performance.now());
      },
    },
    { folder },
  );
  return (times[end - 1]! - times[begin - 1]!) / 1000 / (end - begin);
}
