import { checkWritable } from '@moepress/checkpoint';
import { type Model, MoepressError, type Work } from '@moepress/core';
import {
  type Evaluation,
  findTaskOrGroup,
  type OnnxDtype,
  renderHeading,
  renderTable,
  saveEvaluation,
} from '@moepress/harness';
import type { DeviceOptions } from '@moepress/runtime';
import { type Questions, scoreView } from '../../src/evaluation/local-evaluation.js';
import type { AnswersChoice } from '../../src/evaluation/response-cache.js';
import { scoreServer } from '../../src/evaluation/server-evaluation.js';
import { scoreReadyMade } from '../../src/evaluation/transformers-js-evaluation.js';
import { openView } from '../../src/models/open-model.js';
import type { Context } from '../context.js';

export interface EvalOptions extends Questions, DeviceOptions {
  readonly plan?: string;
  readonly output?: string;
  readonly addBos?: boolean;
  readonly threads?: number;
  /** Bytes of anonymous memory to stay within. */
  readonly memory?: number;
  readonly revision?: string;
  readonly answers?: AnswersChoice;
  /** Scores ONNX files that others exported instead of a checkpoint. */
  readonly backend?: 'transformers-js';
  readonly dtype?: OnnxDtype;
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
  if (options.output !== undefined) await checkWritable(options.output);
  const evaluation = await score(id, options, context.work);
  const { record } = evaluation;
  // First: what cannot be saved has been seen at least.
  context.print([renderHeading(record), '', renderTable(record)].join('\n'), record);
  if (options.output === undefined) return;
  context.note(`Results written to ${await saveEvaluation(evaluation, options.output)}`);
}

async function score(id: string, options: EvalOptions, work: Work): Promise<Evaluation> {
  const { tasks, limit, numFewshot, data, baseUrl, backend } = options;
  const questions = { tasks, limit, numFewshot, data };
  checkPlace(options);
  const kept = { answers: undefined, ...options };
  if (baseUrl !== undefined) return scoreServer(id, questions, { ...kept, baseUrl }, work);
  if (backend !== undefined) return scoreReadyMade(id, questions, kept, work);
  const model = await openView(id, { ...options, ...work });
  return scoreView(model, questions, kept, work);
}

/** Who may run a model, and how to have it so. */
const places = {
  moepress: { title: 'that moepress runs', hint: 'Leave out --base-url and --backend' },
  server: { title: 'that a server runs', hint: 'Give --base-url' },
  'transformers-js': { title: 'that is ready-made', hint: 'Give --backend transformers-js' },
} as const;

/** Options that do not make sense everywhere. */
const bound: readonly {
  readonly name: keyof EvalOptions;
  readonly flag: string;
  readonly at: readonly (keyof typeof places)[];
}[] = [
  { name: 'plan', flag: '--plan', at: ['moepress'] },
  { name: 'threads', flag: '--threads', at: ['moepress'] },
  { name: 'device', flag: '--device', at: ['moepress'] },
  { name: 'precision', flag: '--precision', at: ['moepress'] },
  { name: 'gpuMemory', flag: '--gpu-memory', at: ['moepress'] },
  { name: 'memory', flag: '--memory', at: ['moepress'] },
  { name: 'addBos', flag: '--add-bos', at: ['moepress', 'transformers-js'] },
  { name: 'dtype', flag: '--dtype', at: ['transformers-js'] },
  { name: 'servedName', flag: '--served-name', at: ['server'] },
  { name: 'maxLength', flag: '--max-length', at: ['server'] },
  { name: 'concurrency', flag: '--concurrency', at: ['server'] },
];

function checkPlace(options: EvalOptions): void {
  const place = options.baseUrl === undefined ? (options.backend ?? 'moepress') : 'server';
  const wrong = bound.find(({ name, at }) => options[name] !== undefined && !at.includes(place));
  if (!wrong) return;
  const { title, hint } = places[wrong.at[0]!];
  throw new MoepressError('INPUT_INVALID', {
    message: `${wrong.flag} is for a model ${title}.`,
    where: wrong.flag,
    hint: `${hint}, or leave out ${wrong.flag}.`,
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
