import {
  type CalibrationSet,
  type Model,
  MoepressError,
  type TokenSequence,
  type Work,
} from '@moepress/core';
import {
  type CalibrationPart,
  calibrationForms,
  loadCalibration,
  loadTraining,
  openDatasets,
  parseCalibration,
} from '@moepress/harness';
import { openModelTemplate } from '../chat/model-template.js';
import { invalidOption, isObject } from '../check-options.js';
import { useTexts } from '../methods/use-plugins.js';
import type { PluginsOption } from '../options.js';
import { tokenizerOf } from './companions.js';
import { embeddedDirectory, embeddedName, embeddedText } from './embedded.js';

/** Texts to measure on or learn from, such as `wikitext:128x2048` or `tiny_gsm[train]`, or the parts of such a text. */
export type TextsInput = string | readonly CalibrationPart[];

/** The same, or sequences of token ids. */
export type CalibrationInput = TextsInput | CalibrationSet;

export interface DataOptions {
  /** Folder that mirrors datasets of the Hub: `<dataset>/<config>/<split>.{parquet,jsonl,jsonl.gz}`. */
  readonly data?: string | undefined;
  /** Chooses documents where fewer are taken than there are; 0 by default. */
  readonly seed?: number | undefined;
  /** Where sets and tasks are looked for, besides what is installed. */
  readonly plugins?: PluginsOption | undefined;
}

export interface CalibrationChoice extends DataOptions {
  /** What methods measure on; the embedded model brings a text of its own. */
  readonly calibration?: CalibrationInput | undefined;
}

/** The text that comes with the embedded model, which is calibrated on it unless the user says otherwise. */
const embeddedSet: readonly CalibrationPart[] = [
  { source: { kind: 'named', name: embeddedName }, sequences: null, length: null },
];

/** The sequences to measure `model` on. Throws what the harness' `loadCalibration` throws. */
export async function calibrationSet(
  model: Model,
  { calibration, ...choice }: CalibrationChoice,
  work: Work,
): Promise<CalibrationSet> {
  const given = calibration ?? (model.id === embeddedName ? embeddedSet : undefined);
  if (given === undefined) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message: 'The method measures on text, and none was given.',
      where: 'calibration',
      hint: `Give \`calibration\` with one of: ${calibrationForms.join('; ')}.`,
    });
  }
  if (isSet(given)) return given;
  return loadCalibration(await usedParts(given, choice, work), await readerOf(model, choice, work));
}

export type TrainingData = CalibrationSet<TokenSequence>;

/** The sequences to train `model` on. Throws what the harness' `loadTraining` throws. */
export async function trainingSet(
  model: Model,
  texts: TextsInput,
  choice: DataOptions,
  work: Work,
): Promise<TrainingData> {
  return loadTraining(await usedParts(texts, choice, work), await readerOf(model, choice, work));
}

/** The parts of a set, of which those that plugins bring are known then. */
async function usedParts(
  texts: TextsInput,
  { plugins }: DataOptions,
  { progress }: Work,
): Promise<readonly CalibrationPart[]> {
  const parts = partsOf(texts);
  await useTexts(parts, [embeddedName], { plugins, onProgress: progress });
  return parts;
}

/** Throws `INPUT_INVALID` and `CALIBRATION_INVALID`. */
function partsOf(texts: TextsInput): readonly CalibrationPart[] {
  if (typeof texts === 'string') return parseCalibration(texts);
  if (Array.isArray(texts) && texts.every((part) => isObject(part?.source))) return texts;
  throw invalidOption({ where: 'calibration', value: texts }, 'a calibration set');
}

const isSet = (calibration: CalibrationInput): calibration is CalibrationSet =>
  isObject(calibration) && 'sequences' in calibration;

/** The datasets that tasks and calibration sets read; those of the embedded model come with it. */
export const datasetsIn = (data: string | undefined) => openDatasets({ data, embedded: embeddedDirectory });

async function readerOf(model: Model, { data, seed = 0 }: DataOptions, work: Work) {
  return {
    ...work,
    seed,
    datasets: datasetsIn(data),
    files: { [embeddedName]: embeddedText },
    tokenizer: await tokenizerOf(model),
    openTemplate: ({
      template,
      args,
    }: {
      template: string | null;
      args: Readonly<Record<string, unknown>>;
    }) =>
      openModelTemplate(model.source.directory, { name: template ?? true, variables: args }, work.progress),
    maxPositions: model.config.maxPositions,
  };
}
