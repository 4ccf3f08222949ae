import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Work } from '@moepress/core';
import {
  type Evaluation,
  evaluate,
  type OnnxDtype,
  openAnswerStore,
  transformersJsLanguageModel,
} from '@moepress/harness';
import { defaultEvidenceRoot } from '@moepress/runtime';
import { checkFolderOutput } from '../output.js';
import { openTokenizerOf } from '../source/tokenizer.js';
import type { AnswersChoice } from './answers.js';
import { datasets, type Questions } from './local.js';

/** ONNX files that others exported. */
export interface ReadyMadeOptions {
  readonly dtype?: OnnxDtype;
  readonly addBos?: boolean;
  readonly revision?: string;
  /** Folder of answers. Only one the user names: the files are not looked at closely enough to know them again. */
  readonly answers: AnswersChoice;
}

/** Beside the evidence. */
const downloads = () => join(dirname(defaultEvidenceRoot()), 'transformers.js');

/** Scores on tasks a ready-made model, a folder or a Hub id, with transformers.js. */
export async function scoreReadyMade(
  id: string,
  questions: Questions,
  { answers, ...options }: ReadyMadeOptions,
  work: Work,
): Promise<Evaluation> {
  if (answers) await checkFolderOutput(answers);
  const model = await transformersJsLanguageModel({
    ...options,
    ...work,
    model: id,
    tokenizer: await openTokenizerOf(id, { ...options, ...work }),
    cacheDir: downloads(),
  });
  try {
    const store = answers
      ? await openAnswerStore(resolve(answers), { ...model.settings, id: await placeOf(id) })
      : undefined;
    return await evaluate({ ...questions, data: datasets(questions), model, store, work });
  } finally {
    await model.dispose();
  }
}

/** A folder by its whole path: `./model` is another one elsewhere. */
async function placeOf(id: string): Promise<string> {
  return (await stat(id).catch(() => null))?.isDirectory() ? resolve(id) : id;
}
