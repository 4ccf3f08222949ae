import type { Model, Work } from '@moepress/core';
import {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  openDatasets,
  tokenizedLanguageModel,
} from '@moepress/harness';
import { ModelRunner } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { tokenizerOf } from '../source/model.js';
import { type AnswersChoice, openLocalAnswers } from './answers.js';

/** What is asked, of whichever model. */
export interface Questions extends Pick<EvaluateOptions, 'limit' | 'numFewshot'> {
  readonly tasks: readonly string[];
  /** Folder that mirrors Hub datasets. */
  readonly data?: string | undefined;
}

export interface LocalOptions {
  readonly addBos?: boolean;
  readonly threads?: number;
  readonly answers: AnswersChoice;
}

/** Scores a view on tasks with our own runtime. */
export async function scoreView(
  model: Model,
  questions: Questions,
  options: LocalOptions,
  work: Work,
): Promise<Evaluation> {
  const tokenizer = await tokenizerOf(model);
  const engine = await ModelRunner.open(model, { ...options, ...work });
  try {
    const asked = tokenizedLanguageModel({
      tokenizer,
      engine,
      name: model.id,
      addBos: options.addBos ?? null,
      eosTokenIds: model.config.eosTokenIds,
    });
    const store = await openLocalAnswers(options.answers, model, asked.settings, work.progress);
    return await evaluate({ ...questions, data: datasets(questions), model: asked, store, work });
  } finally {
    await engine.dispose();
  }
}

export const datasets = ({ data }: Questions) => openDatasets({ data, embedded: tinyModel.directory });
