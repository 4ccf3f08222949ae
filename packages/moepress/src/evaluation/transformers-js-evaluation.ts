import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { checkWritable } from '@moepress/checkpoint';
import type { Work } from '@moepress/core';
import {
  type Evaluation,
  evaluate,
  type LanguageModel,
  type OnnxDtype,
  openResponseCache,
  type ResponseCache,
  transformersJsLanguageModel,
} from '@moepress/harness';
import { defaultEvidenceRoot } from '@moepress/runtime';
import { openTokenizerOf } from '../models/model-tokenizer.js';
import { datasets, type Questions } from './local-evaluation.js';
import { onnxFilesHash } from './onnx-files.js';
import { type AnswersChoice, checkedStore } from './response-cache.js';

/** ONNX files that others exported. */
export interface ReadyMadeOptions {
  readonly dtype?: OnnxDtype;
  readonly addBos?: boolean;
  readonly revision?: string;
  /** Folder of answers; by default none. */
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
  if (answers) await checkWritable(answers);
  const model = await transformersJsLanguageModel({
    ...options,
    ...work,
    model: id,
    tokenizer: await openTokenizerOf(id, { ...options, ...work }),
    cacheDir: downloads(),
  });
  try {
    const store = answers
      ? await openReadyMadeAnswers(resolve(answers), id, model, options, work)
      : undefined;
    return await evaluate({ ...questions, data: datasets(questions), model, cache: store, work });
  } finally {
    await model.dispose();
  }
}

/** The answers that the same files gave before. */
async function openReadyMadeAnswers(
  folder: string,
  id: string,
  { settings }: LanguageModel,
  { dtype = 'fp32' }: Omit<ReadyMadeOptions, 'answers'>,
  work: Work,
): Promise<ResponseCache> {
  const isFolder = (await stat(id).catch(() => null))?.isDirectory();
  const { hash: files, checkUnchanged } = await onnxFilesHash(
    isFolder ? resolve(id) : join(downloads(), id),
    dtype,
    work,
  );
  return checkedStore(await openResponseCache(folder, { ...settings, id, files }), checkUnchanged);
}
