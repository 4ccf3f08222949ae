import { MoepressError, throwIfAborted, type Work } from '@moepress/core';
import type { Datasets } from '../datasets/open.js';
import { type Document, loadDocuments, loadExampleDocuments } from '../requests/documents.js';
import { buildRequests, examplesNeeded, fewshotContext, type PromptOptions } from '../requests/prompts.js';
import type { ModelRequest } from '../requests/request.js';
import { scoredSplit, type Task } from '../tasks/task-schema.js';

export interface PrepareOptions extends PromptOptions {
  /** Uses only the first documents: a number of them, or a fraction if below 1. */
  readonly limit?: number | undefined;
  /** Number of few-shot examples, instead of the task's default. */
  readonly numFewshot?: number | undefined;
}

/** A task with its prompts. */
export interface PreparedTask {
  readonly task: Task;
  readonly shots: number;
  /** Number of documents in the split, whether used or not. */
  readonly available: number;
  readonly questions: readonly Question[];
}

/** One document and the requests about it. */
export interface Question {
  readonly document: Document;
  readonly requests: readonly ModelRequest[];
}

/** Loads a task's documents and writes its prompts. Throws what `Datasets.rows` throws, `INPUT_INVALID`, and `CHAT_TEMPLATE_FAILED`. */
export async function prepareTask(
  task: Task,
  datasets: Datasets,
  options: PrepareOptions,
  work: Work,
): Promise<PreparedTask> {
  const documents = await loadDocuments(task, datasets, scoredSplit(task), work);
  const shots = shotCount(task, options.numFewshot);
  if (shots === 0 && options.numFewshot) {
    const message = `${task.task} is always asked without examples, whatever \`numFewshot\` says.`;
    work.progress?.({ type: 'warning', message });
  }
  const pool = shots === 0 ? [] : await loadExamples(task, { shots, scored: documents, datasets, work });
  const context = fewshotContext(task, pool, shots, options);
  const questions: Question[] = [];
  for (const document of documents.slice(0, documentCount(documents.length, options.limit))) {
    throwIfAborted(work.signal);
    const requests = await buildRequests(task, document, context.next(document), options);
    questions.push({ document, requests });
  }
  return { task, shots, available: documents.length, questions };
}

/** A task whose default is 0, or that scores whole texts, gets no examples whatever the user asks for. */
function shotCount({ num_fewshot: own, output_type }: Task, wanted: number | undefined): number {
  if (own === 0 || output_type === 'loglikelihood_rolling') return 0;
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 0)) {
    throw invalid(`The number of examples must be a whole number from 0 on, not ${wanted}.`, 'numFewshot');
  }
  return wanted ?? own ?? 0;
}

function documentCount(available: number, limit: number | undefined): number {
  if (limit === undefined) return available;
  if (!(limit > 0))
    throw invalid(
      `The limit must be a number of documents or a fraction of them, above 0, not ${limit}.`,
      'limit',
    );
  return limit < 1 ? Math.ceil(available * limit) : Math.floor(limit);
}

interface ExampleNeeds {
  readonly shots: number;
  readonly scored: readonly Document[];
  readonly datasets: Datasets;
  readonly work: Work;
}

/** The solved documents that examples are taken from: the task's own, or those of a split. */
async function loadExamples(task: Task, needs: ExampleNeeds): Promise<readonly Document[]> {
  const { shots, scored, datasets, work } = needs;
  const samples = task.fewshot_split === undefined ? task.fewshot_config?.samples : undefined;
  const from = samples ? { samples } : { split: examplesSplit(task), datasets };
  const pool = await loadExampleDocuments(task, scored, from, work);
  if (pool.length >= examplesNeeded(task, shots)) return pool;
  throw invalid(`${task.task} has ${pool.length} examples, too few for ${shots} shots.`, 'numFewshot');
}

function examplesSplit(task: Task): string {
  const split = task.fewshot_split ?? task.training_split ?? task.validation_split ?? task.test_split;
  if (split !== undefined) return split;
  throw invalid(`${task.task} has no split to draw examples from.`, 'numFewshot');
}

function invalid(message: string, where: string): MoepressError {
  return new MoepressError('INPUT_INVALID', { message, where });
}
