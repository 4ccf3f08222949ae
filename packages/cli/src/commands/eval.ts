import { type Model, MoepressError, type Work } from '@moepress/core';
import {
  type Evaluation,
  findTaskOrGroup,
  renderHeading,
  renderTable,
  saveEvaluation,
} from '@moepress/harness';
import type { Context } from '../context.js';
import { checkFolderOutput } from '../output.js';
import type { AnswersChoice } from '../scoring/answers.js';
import { type Questions, scoreView } from '../scoring/local.js';
import { scoreServer } from '../scoring/server.js';
import { openView } from '../source/model.js';

export interface EvalOptions extends Questions {
  readonly plan?: string;
  readonly output?: string;
  readonly addBos?: boolean;
  readonly threads?: number;
  readonly revision?: string;
  readonly answers?: AnswersChoice;
  /** Scores what an OpenAI-compatible server runs instead of running the model here. */
  readonly baseUrl?: string;
  readonly servedName?: string;
  readonly maxLength?: number;
  readonly concurrency?: number;
}

/** `moepress eval <model>` */
export async function evalCommand(id: string, options: EvalOptions, context: Context): Promise<void> {
  // Before a model comes from the Hub and is asked for hours.
  for (const task of options.tasks) findTaskOrGroup(task);
  if (options.output !== undefined) await checkFolderOutput(options.output);
  const evaluation = await score(id, options, context.work);
  const { record } = evaluation;
  const saved = options.output === undefined ? null : await saveEvaluation(evaluation, options.output);
  const lines = [
    renderHeading(record),
    '',
    renderTable(record),
    ...(saved ? [`Results written to ${saved}`] : []),
  ];
  context.print(lines.join('\n'), record);
}

async function score(id: string, options: EvalOptions, work: Work): Promise<Evaluation> {
  const { tasks, limit, numFewshot, data, baseUrl } = options;
  const questions = { tasks, limit, numFewshot, data };
  checkPlace(options);
  const kept = { answers: undefined, ...options };
  if (baseUrl !== undefined) return scoreServer(id, questions, { ...kept, baseUrl }, work);
  const model = await openView(id, { ...options, ...work });
  return scoreView(model, questions, kept, work);
}

/** Options of models that run here, and of those that a server runs. */
const ofLocal = { plan: '--plan', addBos: '--add-bos', threads: '--threads' } as const;
const ofServer = {
  servedName: '--served-name',
  maxLength: '--max-length',
  concurrency: '--concurrency',
} as const;

function checkPlace(options: EvalOptions): void {
  const remote = options.baseUrl !== undefined;
  const wrong = Object.entries(remote ? ofLocal : ofServer).find(
    ([name]) => options[name as keyof EvalOptions] !== undefined,
  );
  if (!wrong) return;
  throw new MoepressError('INPUT_INVALID', {
    message: remote
      ? `${wrong[1]} is for a model that runs here, and the server runs this one.`
      : `${wrong[1]} is for a model that a server runs.`,
    where: wrong[1],
    mend: remote ? `Leave out ${wrong[1]}.` : 'Give --base-url, or leave it out.',
  });
}

/** Scores a view and keeps nothing. */
export async function evaluateModel(
  model: Model,
  options: Questions & { readonly threads?: number },
  work: Work,
): Promise<Evaluation> {
  const { threads, ...questions } = options;
  return scoreView(model, questions, { answers: false, ...(threads && { threads }) }, work);
}
