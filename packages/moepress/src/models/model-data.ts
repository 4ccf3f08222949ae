import type { CalibrationSet, TokenSequence } from '@moepress/core';
import { type Model, MoepressError, type Work } from '@moepress/core';
import {
  type CalibrationPart,
  calibrationForms,
  loadCalibration,
  loadTraining,
  openDatasets,
} from '@moepress/harness';
import { tinyModel } from '@moepress/tiny';
import { embeddedName, tokenizerOf } from './open-model.js';

/** The text that comes with the embedded model, which is calibrated on it unless the user says otherwise. */
const embeddedSet: readonly CalibrationPart[] = [
  { source: { kind: 'named', name: embeddedName }, sequences: null, length: null },
];

export interface CalibrationChoice {
  /** What `--calibration` names. */
  readonly calibration?: readonly CalibrationPart[];
  /** Folder that mirrors Hub datasets. */
  readonly data?: string;
  readonly seed: number;
}

/** The sequences to measure `model` on. Throws what the harness' `loadCalibration` throws. */
export async function calibrationSet(
  model: Model,
  { calibration, data, seed }: CalibrationChoice,
  work: Work,
): Promise<CalibrationSet> {
  const parts = calibration ?? (model.id === embeddedName ? embeddedSet : undefined);
  if (parts === undefined) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message: 'The method measures on text, and none was given.',
      where: '--calibration',
      hint: `Give --calibration with one of: ${calibrationForms.join('; ')}.`,
    });
  }
  return loadCalibration(parts, await readerOf(model, { data, seed }, work));
}

export type TrainingData = CalibrationSet<TokenSequence>;

/** The sequences to train `model` on. Throws what the harness' `loadTraining` throws. */
export async function trainingSet(
  model: Model,
  parts: readonly CalibrationPart[],
  choice: Pick<CalibrationChoice, 'data' | 'seed'>,
  work: Work,
): Promise<TrainingData> {
  return loadTraining(parts, await readerOf(model, choice, work));
}

async function readerOf(
  model: Model,
  { data, seed }: { readonly data?: string | undefined; readonly seed: number },
  work: Work,
) {
  return {
    ...work,
    seed,
    datasets: openDatasets({ data, embedded: tinyModel.directory }),
    files: { [embeddedName]: tinyModel.calibrationFile },
    tokenizer: await tokenizerOf(model),
    maxPositions: model.config.maxPositions,
  };
}
