import { generationDefaults } from '@moepress/checkpoint';
import type { Model, Work } from '@moepress/core';
import {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  openDatasets,
  tokenizedLanguageModel,
} from '@moepress/harness';
import { type Device, type DeviceOptions, startDevice } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { tokenizerOf } from '../models/open-model.js';
import { LazyRunner } from './lazy-runner.js';
import { type AnswersChoice, openLocalAnswers } from './response-cache.js';
import { metered, type Throughput } from './throughput.js';

/** What is asked, of whichever model. */
export interface Questions extends Pick<EvaluateOptions, 'limit' | 'numFewshot'> {
  readonly tasks: readonly string[];
  /** Folder that mirrors Hub datasets. */
  readonly data?: string | undefined;
}

export interface LocalOptions extends DeviceOptions {
  readonly addBos?: boolean;
  readonly threads?: number;
  /** Bytes of anonymous memory to stay within. */
  readonly memory?: number;
  /** Bytes of it that the process takes without this model: what it takes now by default. */
  readonly idle?: number;
  readonly answers: AnswersChoice;
}

/** With how fast the model was. */
export interface LocalEvaluation extends Evaluation {
  /** Null if no log-likelihood had to be computed. */
  readonly throughput: Throughput | null;
}

/** Scores a view on tasks with our own runtime. */
export async function scoreView(
  model: Model,
  questions: Questions,
  options: LocalOptions,
  work: Work,
): Promise<LocalEvaluation> {
  const tokenizer = await tokenizerOf(model);
  const device = await startDevice(options.device ?? 'cpu', work);
  const runner = new LazyRunner(model, { ...options, ...work, device });
  const { engine, throughput } = metered(runner, { ...options, device });
  try {
    const asked = tokenizedLanguageModel({
      tokenizer,
      engine,
      name: model.id,
      addBos: options.addBos ?? null,
      eosTokenIds: model.config.eosTokenIds,
      ownLimit: () => generationDefaults(model).maxNewTokens,
    });
    const store = await openLocalAnswers(
      options.answers,
      model,
      { ...asked.settings, ...rounding(device, options) },
      work,
    );
    const evaluation = await evaluate({
      ...questions,
      data: datasets(questions),
      model: asked,
      cache: store,
      work,
    });
    return { ...evaluation, throughput: throughput() };
  } finally {
    await runner.dispose();
  }
}

/** Answers of devices that round in another way are kept apart. */
const rounding = (device: Device, { precision = 'float32' }: LocalOptions) =>
  device === 'cpu' ? {} : { device, precision };

export const datasets = ({ data }: Questions) => openDatasets({ data, embedded: tinyModel.directory });
