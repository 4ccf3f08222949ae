import { resolve } from 'node:path';
import { checkWritable } from '@moepress/checkpoint';
import type { Work } from '@moepress/core';
import { type Evaluation, evaluate, openAiLanguageModel, openResponseCache } from '@moepress/harness';
import { openTokenizerOf } from '../models/model-tokenizer.js';
import { datasets, type Questions } from './local-evaluation.js';
import type { AnswersChoice } from './response-cache.js';

/** An OpenAI-compatible completions server that holds the model. */
export interface ServerOptions {
  readonly baseUrl: string;
  /** What the server calls the model; by default as it was given. */
  readonly servedName?: string;
  /** Tokens of a prompt and its answer. */
  readonly maxLength?: number;
  /** Requests at once. */
  readonly concurrency?: number;
  readonly revision?: string;
  /** Folder of answers. Only one that the user names: nobody can tell when a server gets other weights. */
  readonly answers: AnswersChoice;
}

/** Scores on tasks what a server runs, with the tokenizer of the model `id`. */
export async function scoreServer(
  id: string,
  questions: Questions,
  options: ServerOptions,
  work: Work,
): Promise<Evaluation> {
  const { answers } = options;
  if (answers) await checkWritable(answers);
  const model = openAiLanguageModel({
    ...options,
    model: options.servedName ?? id,
    tokenizer: await openTokenizerOf(id, { ...options, ...work }),
    apiKey: process.env.OPENAI_API_KEY,
  });
  const store = answers
    ? await openResponseCache(resolve(answers), { ...model.settings, id: model.name })
    : undefined;
  return evaluate({ ...questions, data: datasets(questions), model, cache: store, work });
}
