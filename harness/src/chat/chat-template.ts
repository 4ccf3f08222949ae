import { MoepressError } from '@moepress/core';
import { rstrip, strip } from '../python/text.js';
import type { ChatMessage } from './messages.js';

/** The chat template of a model: how it was taught to read conversations. */
export interface ChatTemplate {
  /** The Jinja source, which results record. */
  readonly source: string;
  /** The text of a conversation, or why the template refuses it. Throws for what takes too long. */
  render(
    messages: readonly (ChatMessage | Readonly<Record<string, unknown>>)[],
    options: { readonly addGenerationPrompt: boolean; readonly tools?: readonly unknown[] | null },
  ): Promise<{ readonly text: string } | { readonly refusal: string }>;
}

/** Put behind the message that is to be continued, and looked for in the text. The blank shows whether it was stripped. */
const mark = 'CONTINUE_FINAL_MESSAGE_TAG ';

/**
 * A conversation as the model reads it: up to where it is to answer, or, where the last message is the assistant's, up
 * to the end of that message, which the model goes on with. A template that refuses is asked once more without the
 * messages of the system. This is what `HFLM.apply_chat_template` of lm-evaluation-harness 0.4.13 and
 * `render_jinja_template` of transformers 5.18 do. Throws `CHAT_TEMPLATE_FAILED`.
 */
export async function applyChatTemplate(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
): Promise<string> {
  const rendered = await renderConversation(template, messages);
  if ('text' in rendered) return rendered.text;
  const others = messages.filter(({ role }) => role !== 'system');
  if (others.length === 0 || others.length === messages.length) throw refused(rendered.refusal);
  const again = await renderConversation(template, others);
  if ('text' in again) return again.text;
  throw refused(again.refusal);
}

async function renderConversation(template: ChatTemplate, messages: readonly ChatMessage[]) {
  const last = messages.at(-1)!;
  if (last.role !== 'assistant') return template.render(messages, { addGenerationPrompt: true });
  const marked = messages.with(-1, { ...last, content: last.content + mark });
  const rendered = await template.render(marked, { addGenerationPrompt: false });
  return 'text' in rendered ? { text: upToMark(rendered.text, last.content) } : rendered;
}

function upToMark(text: string, content: string): string {
  const at = text.lastIndexOf(strip(mark));
  if (at < 0 || !text.includes(strip(content))) {
    throw refused('The beginning of the answer does not appear in the text that it makes.');
  }
  const before = text.slice(0, at);
  return text.startsWith(mark, at) ? before : rstrip(before);
}

function refused(reason: string): MoepressError {
  return new MoepressError('CHAT_TEMPLATE_FAILED', {
    message: `The chat template refuses the prompt: ${reason}`,
    where: 'applyChatTemplate',
  });
}
