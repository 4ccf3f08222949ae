import { PythonRandom } from '../python/random.js';
import type { Task } from '../tasks/schema.js';
import type { Document } from './document.js';

/** lm-evaluation-harness' default seed for drawing examples. */
export const fewshotSeed = 1234;

/** The text before each document's question: the task's description, then solved examples. */
export interface FewshotContext {
  /** Call once a document, in document order: each call draws other examples. */
  next(): string;
}

/** `count` examples a document, drawn without replacement from `pool`. */
export function fewshotContext(task: Task, pool: readonly Document[], count: number): FewshotContext {
  const random = new PythonRandom(fewshotSeed);
  return {
    next() {
      const drawn = count === 0 ? [] : random.sample(pool, count);
      return task.description + drawn.map((document) => solvedExample(task, document)).join('');
    },
  };
}

function solvedExample(task: Task, document: Document): string {
  return `${questionAndAnswer(task, document)}${task.fewshot_delimiter}`;
}

/** A document as the model would see it solved: description, question and right answer, or the whole text. */
export function solvedText(task: Task, document: Document): string {
  if (task.output_type === 'loglikelihood_rolling') return targetText(task, document.fields);
  return task.description + questionAndAnswer(task, document);
}

function questionAndAnswer(task: Task, { fields }: Document): string {
  return `${task.doc_to_text.render(fields)}${task.target_delimiter}${targetText(task, fields)}`;
}

function targetText(task: Task, fields: unknown): string {
  if (task.output_type !== 'multiple_choice') return task.doc_to_target.render(fields);
  return task.doc_to_choice.render(fields)[task.doc_to_target.render(fields)]!;
}
