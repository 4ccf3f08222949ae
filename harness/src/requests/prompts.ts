import { dumps } from '../python/json.js';
import { PythonRandom } from '../python/random.js';
import type { MultipleChoiceTask, Task } from '../tasks/task-schema.js';
import type { Document } from './documents.js';
import type { LoglikelihoodRequest, ModelRequest } from './request.js';

/** The most tokens generated if the task does not say. */
const defaultMaxGenTokens = 256;

/** The requests about one document; `prefix` is its description and few-shot examples. */
export function buildRequests(task: Task, { fields }: Document, prefix: string): ModelRequest[] {
  switch (task.output_type) {
    case 'multiple_choice':
      return choiceRequests(task, fields, prefix);
    case 'loglikelihood_rolling':
      return [{ kind: 'loglikelihood_rolling', text: task.doc_to_target.render(fields) }];
    case 'generate_until': {
      const { until, max_gen_toks: maxGenTokens = defaultMaxGenTokens } = task.generation_kwargs;
      const context = prefix + task.doc_to_text.render(fields);
      return [{ kind: 'generate_until', context, until, maxGenTokens }];
    }
  }
}

/** One request per choice: how probable it is after its context. */
function choiceRequests(task: MultipleChoiceTask, fields: unknown, prefix: string): LoglikelihoodRequest[] {
  const text = task.doc_to_text.render(fields);
  return task.doc_to_choice.render(fields).map((choice, i) => ({
    kind: 'loglikelihood',
    context: prefix + (typeof text === 'string' ? text : text[i]!),
    continuation: task.target_delimiter + choice,
  }));
}

/** lm-evaluation-harness' default seed for drawing examples. */
export const fewshotSeed = 1234;

/** The text before each document's question: the task's description, then solved examples. */
export interface FewshotContext {
  /** To be called once per document, in document order: each call draws other examples. */
  next(document: Document): string;
}

/** `count` examples per document, taken from `pool` as the task says. */
export function fewshotContext(task: Task, pool: readonly Document[], count: number): FewshotContext {
  const choose = task.fewshot_config?.sampler === 'first_n' ? firstOf(pool) : drawnFrom(task, pool);
  return {
    next(document) {
      const chosen = count === 0 ? [] : choose(document, count);
      const solved = chosen.map(
        (example) => questionAndAnswer(task, example).join('') + task.fewshot_delimiter,
      );
      return task.description + solved.join('');
    },
  };
}

/** The number of examples needed so that `count` of them can be chosen. */
export function examplesNeeded(task: Task, count: number): number {
  return drawsOneMore(task) ? count + 1 : count;
}

type Choose = (document: Document, count: number) => readonly Document[];

function firstOf(pool: readonly Document[]): Choose {
  return (_, count) => pool.slice(0, count);
}

/** Drawn without replacement; a document is never its own example. */
function drawnFrom(task: Task, pool: readonly Document[]): Choose {
  const random = new PythonRandom(fewshotSeed);
  if (!drawsOneMore(task)) return (_, count) => random.sample(pool, count);
  return (document, count) => {
    const own = dumps(document.row);
    const drawn = random.sample(pool, count + 1);
    return drawn.filter(({ row }) => dumps(row) !== own).slice(0, count);
  };
}

/**
 * Examples may come from the scored split: lm-evaluation-harness then draws one more than it needs and
 * leaves out the document itself. It also does so where a task names neither split, although its examples
 * then come from another.
 */
function drawsOneMore(task: Task): boolean {
  return task.fewshot_config === undefined && task.fewshot_split === task.test_split;
}

/**
 * A document as the model would see it solved: description, question and right answer, or the whole text;
 * and how many characters the answer comes after.
 */
export function solvedText(task: Task, document: Document): { text: string; question: number } {
  const [question, answer] = questionAndAnswer(task, document);
  const before = task.description + question;
  return {
    text: before + answer,
    question: task.output_type === 'loglikelihood_rolling' ? 0 : before.length,
  };
}

function questionAndAnswer(task: Task, { fields }: Document): [question: string, answer: string] {
  switch (task.output_type) {
    case 'multiple_choice': {
      const { context, continuation } = choiceRequests(task, fields, '')[task.doc_to_target.render(fields)]!;
      return [context, continuation];
    }
    case 'loglikelihood_rolling':
      return ['', task.doc_to_target.render(fields)];
    case 'generate_until':
      return [task.doc_to_text.render(fields), task.target_delimiter + task.doc_to_target.render(fields)];
  }
}
