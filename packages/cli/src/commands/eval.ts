import type { Model, Work } from '@moepress/core';
import {
  type Evaluation,
  evaluate,
  findTaskOrGroup,
  openDatasets,
  renderTable,
  saveEvaluation,
  tokenizedLanguageModel,
} from '@moepress/harness';
import { ModelRunner } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import type { Context } from '../context.js';
import { checkFolderOutput } from '../output.js';
import { openView, tokenizerOf } from '../source/model.js';

export interface EvalOptions {
  readonly tasks: readonly string[];
  readonly plan?: string;
  readonly limit?: number;
  readonly numFewshot?: number;
  readonly data?: string;
  readonly output?: string;
  readonly addBos?: boolean;
  readonly threads?: number;
  readonly revision?: string;
}

/** `moepress eval <model>` */
export async function evalCommand(id: string, options: EvalOptions, context: Context): Promise<void> {
  // Before a model comes from the Hub and is asked for hours.
  for (const task of options.tasks) findTaskOrGroup(task);
  if (options.output !== undefined) await checkFolderOutput(options.output);
  const model = await openView(id, { ...options, ...context.work });
  const evaluation = await evaluateModel(model, options, context.work);
  const { record } = evaluation;
  const saved = options.output === undefined ? null : await saveEvaluation(evaluation, options.output);
  const lines = [renderTable(record), ...(saved ? [`Results written to ${saved}`] : [])];
  context.print(lines.join('\n'), record);
}

/** Scores a model view on tasks. */
export async function evaluateModel(model: Model, options: EvalOptions, work: Work): Promise<Evaluation> {
  const tokenizer = await tokenizerOf(model);
  const runner = await ModelRunner.open(model, { ...options, ...work });
  try {
    const { tasks, data, limit, numFewshot } = options;
    return await evaluate({
      tasks,
      limit,
      numFewshot,
      work,
      data: openDatasets({ data, embedded: tinyModel.directory }),
      model: tokenizedLanguageModel({
        tokenizer,
        engine: runner,
        name: model.id,
        addBos: options.addBos ?? null,
        eosTokenIds: model.config.eosTokenIds,
      }),
    });
  } finally {
    await runner.dispose();
  }
}
