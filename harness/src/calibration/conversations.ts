import { MoepressError, parseJson } from '@moepress/core';
import type { ChatTemplate } from '../chat/chat-template.js';
import type { Row, Rows } from '../datasets/dataset.js';

/** A conversation of a dataset, as chat templates read it. */
export interface Conversation {
  /** At least a `role` each; contents, tool calls and the like as the dataset has them. */
  readonly messages: readonly Message[];
  /** Descriptions of functions that the assistant may call; null if the row has none. */
  readonly tools: readonly unknown[] | null;
  /** The file or split and the row, for messages. */
  readonly where: string;
}

type Message = Readonly<Record<string, unknown>> & { readonly role: string };

/** The column in which rows describe tools, a list or its JSON. */
export const toolsColumn = 'tools';

/** What ShareGPT's datasets call the roles. */
const roles: Readonly<Record<string, string>> = {
  human: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
};

/** Whether a column holds conversations: its first value is a list of objects. */
export function holdsConversations({ rows }: Rows, column: string): boolean {
  const value = rows.map((row) => row[column]).find((given) => given != null);
  return Array.isArray(value) && value.length > 0 && value.every(isRecord);
}

/**
 * The conversations of a column in their order: lists of `{ role, content, … }`, or `{ from, value }` as ShareGPT's
 * datasets have them, and the tools beside them. Rows without a value, and empty lists, are skipped. Throws
 * `CALIBRATION_INVALID`.
 */
export function conversationsIn({ rows, where }: Rows, column: string): Conversation[] {
  return rows.flatMap((row, i) => {
    const value = row[column] ?? null;
    if (value === null || (Array.isArray(value) && value.length === 0)) return [];
    const place = `${where}, row ${i + 1}`;
    if (!Array.isArray(value)) throw invalid(place, `Its column "${column}" is no list of messages.`);
    const messages = value.map((message) => messageOf(message, place));
    return [{ messages, tools: toolsOf(row, place), where: place }];
  });
}

function messageOf(given: unknown, where: string): Message {
  if (isRecord(given)) {
    const { role, from, value, ...rest } = given;
    if (typeof role === 'string') return withoutNulls({ role, ...rest });
    if (typeof from === 'string' && typeof value === 'string') {
      return { role: roles[from] ?? from, content: value };
    }
  }
  throw invalid(where, 'A message has neither a role and a content, nor "from" and "value".');
}

/** Tables have every column in every row: what a message does not have is null there, and templates ask what is defined. */
const withoutNulls = (message: Message): Message => {
  const given = Object.entries(message).filter(([name, value]) => value !== null || name === 'content');
  return { role: message.role, ...Object.fromEntries(given) };
};

function toolsOf(row: Row, where: string): readonly unknown[] | null {
  const given = row[toolsColumn] ?? null;
  const value = typeof given === 'string' ? parsed(given, where) : given;
  if (value === null || (Array.isArray(value) && value.length === 0)) return null;
  if (Array.isArray(value)) return value;
  throw invalid(where, `Its column "${toolsColumn}" is no list of descriptions.`);
}

function parsed(text: string, where: string): unknown {
  if (text.trim() === '') return null;
  try {
    return parseJson(text);
  } catch (cause) {
    throw invalid(where, `Its column "${toolsColumn}" is not JSON: ${String(cause)}.`);
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text of a conversation, and which of its characters the assistant says. */
export interface RenderedConversation {
  readonly text: string;
  /** First character and the one after the last of each answer, with what ends it, ascending; empty unless asked for. */
  readonly answers: readonly (readonly [from: number, to: number])[];
}

/**
 * A conversation as the model reads it. Where an answer begins and ends is where the whole leaves off to be like the
 * conversation up to there, with the beginning of an answer, and with the answer. Throws `CHAT_TEMPLATE_FAILED`.
 */
export async function renderConversation(
  template: ChatTemplate,
  { messages, tools, where }: Conversation,
  { answersOnly }: { readonly answersOnly: boolean },
): Promise<RenderedConversation> {
  const upTo = (count: number, addGenerationPrompt: boolean) =>
    renderPlainly(template, messages.slice(0, count), { addGenerationPrompt, tools, where });
  const text = await upTo(messages.length, false);
  if (!answersOnly) return { text, answers: [] };
  const answers: [number, number][] = [];
  for (const [i, { role }] of messages.entries()) {
    if (role !== 'assistant') continue;
    const from = i === 0 ? 0 : commonLength(text, await upTo(i, true));
    const to = i === messages.length - 1 ? text.length : commonLength(text, await upTo(i + 1, false));
    if (to > from) answers.push([from, to]);
  }
  return { text, answers };
}

async function renderPlainly(
  template: ChatTemplate,
  messages: readonly Message[],
  {
    where,
    ...options
  }: {
    readonly addGenerationPrompt: boolean;
    readonly tools: readonly unknown[] | null;
    readonly where: string;
  },
): Promise<string> {
  const rendered = await template.render(messages, options);
  if ('text' in rendered) return rendered.text;
  throw new MoepressError('CHAT_TEMPLATE_FAILED', {
    message: `The chat template refuses a conversation: ${rendered.refusal}`,
    where,
  });
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function invalid(where: string, message: string): MoepressError {
  return new MoepressError('CALIBRATION_INVALID', {
    message,
    where,
    hint: 'Give a column of lists of messages such as {"role": "user", "content": "…"}.',
  });
}
