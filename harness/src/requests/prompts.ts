import { applyChatTemplate, type ChatTemplate } from '../chat/chat-template.js';
import {
  bare,
  delimited,
  endsWithWhitespace,
  type PromptMessage,
  plainText,
  type QuestionTurn,
  singleTurn,
  turnMessages,
} from '../chat/messages.js';
import { dumps } from '../python/json.js';
import { PythonRandom } from '../python/random.js';
import type { Task } from '../tasks/task-schema.js';
import type { Document } from './documents.js';
import { attemptsOf, limitsOf, samplingSeed } from './generation.js';
import type { ModelRequest } from './request.js';

/** What stands around the questions of all tasks. */
export interface PromptOptions {
  /** Said to the model before the task's description. */
  readonly systemInstruction?: string | undefined;
  /** By which questions become conversations; plain text without it. */
  readonly chat?: ChatOptions | undefined;
  /** Seed of tokens that are drawn; 1234 by default. */
  readonly seed?: number | undefined;
}

export interface ChatOptions {
  readonly template: ChatTemplate;
  /** Whether few-shot examples are turns of their own, or stand with the question in one message. */
  readonly fewshotAsMultiturn: boolean;
  /** Further variables that the template is given, as results record them. */
  readonly templateArgs?: Readonly<Record<string, unknown>> | undefined;
  /** Whether the model thinks before it answers, so that nothing can be scored that stands for its answer. */
  readonly enableThinking?: boolean | undefined;
}

/**
 * The requests about one document, after the messages of its description and few-shot examples. Throws
 * `CHAT_TEMPLATE_FAILED`.
 */
export async function buildRequests(
  task: Task,
  { fields }: Document,
  before: readonly PromptMessage[],
  { chat, seed = samplingSeed }: PromptOptions = {},
): Promise<ModelRequest[]> {
  const genPrefix = task.gen_prefix?.render(fields) || null;
  const contextOf = (question: string, targetDelimiter: string): Promise<string> | string => {
    const asked = { question, answer: null, genPrefix, targetDelimiter, fewshotDelimiter: '' };
    const messages = [...before, ...turnMessages(asked)];
    if (!chat) return plainText(messages);
    return applyChatTemplate(
      chat.template,
      chat.fewshotAsMultiturn ? messages.map(bare) : singleTurn(messages),
    );
  };
  switch (task.output_type) {
    case 'multiple_choice': {
      const delimiter = chat && !continuesPrefix(task) ? '' : task.target_delimiter;
      const text = task.doc_to_text.render(fields);
      const contexts =
        typeof text === 'string'
          ? await contextOf(text, task.target_delimiter)
          : await Promise.all(text.map((question) => contextOf(question, '')));
      const choices = task.doc_to_choice.render(fields);
      const scored = choices.map((choice, i) => ({
        kind: 'loglikelihood' as const,
        context: typeof contexts === 'string' ? contexts : contexts[i]!,
        continuation: delimiter + choice,
      }));
      if (!task.metric_list.some(({ metric }) => metric === 'acc_mutual_info')) return scored;
      const alone = (task.doc_to_measured_choice ?? task.doc_to_choice).render(fields);
      return [
        ...scored,
        ...alone.map((choice) => ({
          kind: 'loglikelihood' as const,
          context: '',
          continuation: delimiter + choice,
        })),
      ];
    }
    case 'loglikelihood': {
      const context = await contextOf(task.doc_to_text.render(fields), task.target_delimiter);
      return [{ kind: 'loglikelihood', context, continuation: task.doc_to_target.render(fields) }];
    }
    case 'loglikelihood_rolling':
      return [{ kind: 'loglikelihood_rolling', text: task.doc_to_target.render(fields) }];
    case 'generate_until': {
      const context = await contextOf(task.doc_to_text.render(fields), task.target_delimiter);
      const limits = limitsOf(task.generation_kwargs);
      return attemptsOf(task.generation_kwargs, task.repeats, seed).map((sampling) => ({
        kind: 'generate_until',
        context,
        ...limits,
        ...(sampling && { sampling }),
      }));
    }
  }
}

/** Whether the beginning of an answer is given that a choice does not follow without a delimiter. */
function continuesPrefix({ gen_prefix }: Task): boolean {
  const source = gen_prefix?.source;
  return typeof source === 'string' && source !== '' && !endsWithWhitespace(source);
}

/** lm-evaluation-harness' default seed for drawing examples. */
export const fewshotSeed = 1234;

/** What comes before each document's question: instruction and description, then solved examples. */
export interface FewshotContext {
  /** To be called once per document, in document order: each call draws other examples. */
  next(document: Document): PromptMessage[];
}

/** `count` examples per document, taken from `pool` as the task says. */
export function fewshotContext(
  task: Task,
  pool: readonly Document[],
  count: number,
  { systemInstruction = '' }: PromptOptions = {},
): FewshotContext {
  const choose = task.fewshot_config?.sampler === 'first_n' ? firstOf(task, pool) : drawnFrom(task, pool);
  return {
    next(document) {
      const description = task.doc_to_description?.render(document.fields) ?? task.description;
      const content = delimited(systemInstruction, description, task.fewshot_delimiter);
      const system = content === '' ? [] : [{ role: 'system', content, delimiter: '' } as const];
      const chosen = count === 0 ? [] : choose(document, count);
      return [...system, ...chosen.flatMap((example) => turnMessages(solvedTurn(task, example)))];
    },
  };
}

/** The number of examples needed so that `count` of them can be chosen. */
export function examplesNeeded(task: Task, count: number): number {
  return drawsOneMore(task) ? count + 1 : count;
}

type Choose = (document: Document, count: number) => readonly Document[];

/** Equal documents of a pool share their text. */
const contentOf = ({ row }: Document): string => dumps(row);

function firstOf(task: Task, pool: readonly Document[]): Choose {
  if (!drawsOneMore(task)) return (_, count) => pool.slice(0, count);
  return (document, count) => {
    const own = contentOf(document);
    return pool.filter((other) => contentOf(other) !== own).slice(0, count);
  };
}

/** Drawn without replacement; a document is never its own example. */
function drawnFrom(task: Task, pool: readonly Document[]): Choose {
  const random = new PythonRandom(fewshotSeed);
  if (!drawsOneMore(task)) return (_, count) => random.sample(pool, count);
  return (document, count) => {
    const own = contentOf(document);
    const isOther = (other: Document) => contentOf(other) !== own;
    const drawn = random
      .sample(pool, count + 1)
      .filter(isOther)
      .slice(0, count);
    // More than one of them may have been the document: then they are drawn again from all others.
    return drawn.length === count ? drawn : random.sample(pool.filter(isOther), count);
  };
}

/**
 * Examples may come from the scored split: lm-evaluation-harness then draws one more than it needs and
 * leaves out the document itself. It also does so where a task names neither split, although its examples
 * then come from another.
 */
function drawsOneMore(task: Task): boolean {
  return task.fewshot_split === task.test_split;
}

/**
 * A document as the model would see it solved: description, question and right answer, or the whole text;
 * and how many characters the answer comes after.
 */
export function solvedText(task: Task, document: Document): { text: string; question: number } {
  const { question, answer, targetDelimiter } = solvedTurn(task, document);
  const before = task.description + question;
  const isWhole = task.output_type === 'loglikelihood_rolling';
  return { text: before + targetDelimiter + (answer ?? ''), question: isWhole ? 0 : before.length };
}

function solvedTurn(task: Task, { fields }: Document): QuestionTurn {
  if (task.doc_to_example) return task.doc_to_example.render(fields);
  const genPrefix = task.gen_prefix?.render(fields) || null;
  const { target_delimiter: targetDelimiter, fewshot_delimiter: fewshotDelimiter } = task;
  const turn = { genPrefix, targetDelimiter, fewshotDelimiter };
  if (task.output_type === 'loglikelihood_rolling') {
    return { ...turn, targetDelimiter: '', question: '', answer: task.doc_to_target.render(fields) };
  }
  if (task.output_type !== 'multiple_choice') {
    const [answer = ''] = [task.doc_to_target.render(fields)].flat();
    // An empty target counts as none, unlike an empty choice.
    return { ...turn, question: task.doc_to_text.render(fields), answer: answer || null };
  }
  const [target = 0] = [task.doc_to_target.render(fields)].flat();
  const text = task.doc_to_text.render(fields);
  const question = typeof text === 'string' ? text : text[target]!;
  return { ...turn, question, answer: task.doc_to_choice.render(fields)[target]! };
}
