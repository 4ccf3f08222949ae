import { pythonSpace } from '../python/text.js';

/** A message of a prompt, as a chat template reads it. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A message of a prompt that may also be written as plain text: `delimiter` follows it there. */
export interface PromptMessage extends ChatMessage {
  readonly delimiter: string;
}

/** A question of a task and, of a solved example, its answer. */
export interface QuestionTurn {
  readonly question: string;
  /** null where the model is to answer. */
  readonly answer: string | null;
  /** What the answer begins with, given to the model. */
  readonly genPrefix: string | null;
  readonly targetDelimiter: string;
  readonly fewshotDelimiter: string;
}

/** The messages of a question, as `build_qa_turn` of lm-evaluation-harness 0.4.13 (api/task.py) makes them. */
export function turnMessages(turn: QuestionTurn): PromptMessage[] {
  const { question, answer, genPrefix, targetDelimiter, fewshotDelimiter } = turn;
  const isDelimited = genPrefix ? question !== '' && !isParted(question, genPrefix) : answer !== null;
  const user = { role: 'user', content: question, delimiter: isDelimited ? targetDelimiter : '' } as const;
  if (answer !== null) {
    const content = delimited(genPrefix, answer, ' ');
    return [user, { role: 'assistant', content, delimiter: fewshotDelimiter }];
  }
  return genPrefix ? [user, { role: 'assistant', content: genPrefix, delimiter: '' }] : [user];
}

/** Two texts with `delimiter` between them, unless either is empty or there is whitespace where they meet. */
export function delimited(before: string | null, after: string, delimiter: string): string {
  if (!before || !after) return (before ?? '') + after;
  return isParted(before, after) ? before + after : before + delimiter + after;
}

/** Whether whitespace stands where two texts meet. */
const isParted = (before: string, after: string): boolean =>
  endsWithWhitespace(before) || leading.test(after);

const leading = new RegExp(`^[${pythonSpace}]`);
const trailing = new RegExp(`[${pythonSpace}]$`);

export const endsWithWhitespace = (text: string): boolean => trailing.test(text);

export function plainText(messages: readonly PromptMessage[]): string {
  return messages.map(({ content, delimiter }) => content + delimiter).join('');
}

/**
 * All questions and examples in one message of the user, after the system's message and before the beginning of the
 * answer, where there are such: `multiturn_to_singleturn` of lm-evaluation-harness 0.4.13 (api/utils.py).
 */
export function singleTurn(messages: readonly PromptMessage[]): ChatMessage[] {
  const system = messages[0]!.role === 'system' ? messages.slice(0, 1) : [];
  const last = messages.at(-1)!;
  const begun = last.role === 'assistant' ? [last] : [];
  const asked = messages.slice(system.length, messages.length - begun.length);
  const content = plainText(asked.with(-1, { ...asked.at(-1)!, delimiter: '' }));
  return [...system.map(bare), { role: 'user', content }, ...begun.map(bare)];
}

export const bare = ({ role, content }: ChatMessage): ChatMessage => ({ role, content });
