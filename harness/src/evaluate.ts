import { MoepressError, throwIfAborted, type Work } from '@moepress/core';
import type { Datasets } from './datasets/open.js';
import { askModel } from './evaluation/ask-model.js';
import { type PreparedTask, prepareTask } from './evaluation/prepare-task.js';
import type { ResponseCache } from './evaluation/response-cache.js';
import { checkUnsafeCode, runAnswers } from './evaluation/run-answers.js';
import { scoreTask } from './evaluation/score-task.js';
import type { LanguageModel } from './model/language-model.js';
import { measureMovements } from './movement/movement.js';
import { withGenerationArguments } from './requests/generation.js';
import type { PromptOptions } from './requests/prompts.js';
import { buildRecord } from './results/record.js';
import type { Evaluation } from './results/results-files.js';
import { buildSamples } from './results/sample.js';
import { findTasks } from './task-files/open-tasks.js';
import { groupsWithin, leaves, type TaskGroup } from './tasks/task-group.js';
import type { Task } from './tasks/task-schema.js';

export interface EvaluateOptions extends PromptOptions {
  /** Names, patterns and task files as `openTasks` finds them, or tasks and groups of your own. */
  readonly tasks: readonly (string | Task | TaskGroup)[];
  /** A folder of task files of lm-evaluation-harness, whose tasks come before those that are known by name. */
  readonly includePath?: string | undefined;
  readonly model: LanguageModel;
  readonly data: Datasets;
  /** Scores only the first documents of each task: a number of them, or a fraction if below 1. */
  readonly limit?: number | undefined;
  /** Number of few-shot examples, instead of each task's default. */
  readonly numFewshot?: number | undefined;
  /** Arguments of generation, added to those of every task whose answers are generated. */
  readonly genKwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Runs programs that the model writes, apart from network and files, for tasks that ask for that. */
  readonly confirmRunUnsafeCode?: boolean | undefined;
  /** A cache with answers of the same model from earlier runs, to which those of this run are added. */
  readonly cache?: ResponseCache | undefined;
  readonly work?: Work | undefined;
}

/**
 * Scores a model on tasks as lm-evaluation-harness does. Throws `TASK_UNKNOWN`, `TASK_INVALID`, `TASK_UNSUPPORTED`,
 * `DATASET_NOT_FOUND`, `DATASET_INVALID`, `INPUT_INVALID` for a senseless limit or number of shots and for tasks
 * that do not suit a model that thinks, `CHAT_TEMPLATE_FAILED`, `ABORTED`, and whatever
 * the model throws.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { model, cache, work = {} } = options;
  const started = new Date();
  const { includePath } = options;
  const named = await findTasks(options.tasks, { includePath, signal: work.signal });
  const groups = [...new Set(named.flatMap(groupsWithin))];
  const tasks = new Set(named.flatMap(leaves));
  await checkUnsafeCode([...tasks], options.confirmRunUnsafeCode ?? false, work);
  const prepared = await prepareAll(tasks, options);
  checkThinking(prepared, options);
  const requests = prepared.flatMap(({ questions }) => questions.flatMap((question) => question.requests));
  const answers = await askModel(model, requests, cache, work);
  for (const message of model.warnings?.() ?? []) work.progress?.({ type: 'warning', message });
  const verdicts = await runAnswers(prepared, answers, work);
  const scored = prepared.map((task) => scoreTask(task, answers, verdicts));
  const samples = Object.fromEntries(scored.map((task) => [task.task.task, buildSamples(task)]));
  const movements =
    model.against === undefined ? undefined : await measureMovements(scored, groups, { model, cache, work });
  const seconds = (Date.now() - started.getTime()) / 1000;
  return {
    record: buildRecord(scored, samples, groups, { ...options, started, seconds, movements }),
    samples,
  };
}

/** Throws `INPUT_INVALID` for continuations that would be scored where a model thinks first. */
function checkThinking(prepared: readonly PreparedTask[], { chat }: PromptOptions): void {
  if (!chat?.enableThinking) return;
  const scored = prepared.find(({ questions }) =>
    questions.some(({ requests }) => requests.some(({ kind }) => kind === 'loglikelihood')),
  );
  if (!scored) return;
  throw new MoepressError('INPUT_INVALID', {
    message: `${scored.task.task} scores given answers, which a model that thinks first does not begin with.`,
    where: 'enableThinking',
    hint: 'Leave out `enableThinking`, or give tasks whose answers are generated alone.',
  });
}

async function prepareAll(tasks: ReadonlySet<Task>, options: EvaluateOptions): Promise<PreparedTask[]> {
  const { data, work = {} } = options;
  const step = 'Preparing prompts';
  const prepared: PreparedTask[] = [];
  work.progress?.({ type: 'start', task: step, total: tasks.size, unit: 'tasks' });
  for (const task of tasks) {
    throwIfAborted(work.signal);
    prepared.push(await prepareTask(withGenerationArguments(task, options.genKwargs), data, options, work));
    work.progress?.({ type: 'advance', task: step, done: prepared.length, note: task.task });
  }
  work.progress?.({ type: 'end', task: step });
  return prepared;
}
