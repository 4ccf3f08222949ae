import { throwIfAborted, type Work } from '@moepress/core';
import type { AnswerStore } from './answers/store.js';
import type { Datasets } from './datasets/open.js';
import { askModel } from './evaluation/ask.js';
import { type PreparedTask, prepareTask } from './evaluation/prepare.js';
import { scoreTask } from './evaluation/score-task.js';
import type { LanguageModel } from './model/language-model.js';
import { buildRecord } from './results/record.js';
import type { Evaluation } from './results/save.js';
import { groupsWithin, leaves, type TaskGroup } from './tasks/group.js';
import { findTaskOrGroup } from './tasks/registry.js';
import type { Task } from './tasks/schema.js';

export interface EvaluateOptions {
  /** Names of known tasks and groups, or tasks and groups of your own. */
  readonly tasks: readonly (string | Task | TaskGroup)[];
  readonly model: LanguageModel;
  readonly data: Datasets;
  /** Only the first documents of each task: a number of them, or a fraction if below 1. */
  readonly limit?: number | undefined;
  /** Few-shot examples instead of each task's own number. */
  readonly numFewshot?: number | undefined;
  /** Answers of the same model from earlier runs, to which those of this run are added. */
  readonly store?: AnswerStore | undefined;
  readonly work?: Work | undefined;
}

/**
 * Scores a model on tasks as lm-evaluation-harness does. Throws `TASK_UNKNOWN`, `DATASET_NOT_FOUND`,
 * `DATASET_INVALID`, `INPUT_INVALID` for a senseless limit or number of shots, `ABORTED`, and whatever
 * the model throws.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { model, limit, store, work = {} } = options;
  const started = new Date();
  const named = options.tasks.map((task) => (typeof task === 'string' ? findTaskOrGroup(task) : task));
  const groups = [...new Set(named.flatMap(groupsWithin))];
  const prepared = await prepareAll(new Set(named.flatMap(leaves)), options);
  const responses = await askModel(
    model,
    prepared.flatMap(({ questions }) => questions.flatMap(({ requests }) => requests)),
    store,
    work,
  );
  for (const message of model.warnings?.() ?? []) work.progress?.({ type: 'warning', message });
  const unread = responses.values();
  const scored = prepared.map((task) =>
    scoreTask(
      task,
      task.questions.map(({ requests }) => requests.map(() => unread.next().value!)),
    ),
  );

  const seconds = (Date.now() - started.getTime()) / 1000;
  return {
    record: buildRecord(scored, groups, { model, limit, started, seconds }),
    samples: Object.fromEntries(scored.map(({ task, samples }) => [task.task, samples])),
  };
}

async function prepareAll(tasks: ReadonlySet<Task>, options: EvaluateOptions): Promise<PreparedTask[]> {
  const { data, limit, numFewshot, work = {} } = options;
  const step = 'Preparing prompts';
  const prepared: PreparedTask[] = [];
  work.progress?.({ type: 'start', task: step, total: tasks.size, unit: 'tasks' });
  for (const task of tasks) {
    throwIfAborted(work.signal);
    prepared.push(await prepareTask(task, data, { limit, numFewshot }, work));
    work.progress?.({ type: 'advance', task: step, done: prepared.length, note: task.task });
  }
  work.progress?.({ type: 'end', task: step });
  return prepared;
}
