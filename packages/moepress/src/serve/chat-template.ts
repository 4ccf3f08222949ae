import { readSpecialTokens } from '@moepress/checkpoint';
import { ConfinedError } from '@moepress/checkpoint/confined';
import { type ConfinedTemplate, confineTemplate, TemplateError, TooManySteps } from '@moepress/harness';
import { defaultName, readChatTemplates } from '../chat/template-files.js';
import type { ChatMessage } from './protocol/chat.js';
import { overloaded, RequestError } from './request-error.js';

/** Steps that a conversation takes in the thread of quick ones: most take a tenth. */
const quickSteps = 20_000;

/** Milliseconds of processor time, for quick conversations and slow ones. */
const patience = { quick: 500, slow: 3000 };

/** Slow conversations that may wait. */
const maxSlow = 8;

/** A checkpoint's chat template, rendered in threads of its own. */
export interface ServedTemplate {
  /**
   * Messages as the model was taught to read them; `variables` are what the request itself gives the template. Throws a
   * `RequestError` for what the template refuses or takes too long for, or if many slow conversations wait.
   */
  render(
    messages: readonly ChatMessage[],
    variables: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<string>;
  close(): Promise<void>;
}

/** A loop over the parts of a message: such a template takes them as they came. */
const takesParts = /\{%[-+]?\s*for\s+\w+\s+in\s+[^%]*\bcontent\b/;

/**
 * The chat template of a checkpoint folder, run as transformers runs it, of several the one called "default"; null if
 * there is none. Throws `TOKENIZER_MISSING` for files that cannot be read as what they should be.
 */
export async function openChatTemplate(directory: string): Promise<ServedTemplate | null> {
  const source = (await readChatTemplates(directory)).get(defaultName);
  if (source === undefined) return null;
  const specials = await readSpecialTokens(directory);
  const keepsParts = takesParts.test(source);
  const renderer = new Renderer(source);
  return {
    render(messages, variables, signal) {
      const given = {
        ...specials,
        tools: null,
        documents: null,
        ...variables,
        messages: keepsParts ? messages : messages.map(withJoinedText),
        add_generation_prompt: true,
      };
      return renderer.render(given, signal);
    },
    close: () => renderer.close(),
  };
}

/** A template in two threads: conversations that take many steps go into the second one, where quick ones never wait. */
class Renderer {
  readonly #quick: ConfinedTemplate;
  readonly #slow: ConfinedTemplate;
  #slowWaiting = 0;

  constructor(source: string) {
    this.#quick = confineTemplate(source);
    this.#slow = confineTemplate(source, { isBackground: true });
  }

  async render(given: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<string> {
    try {
      // Not ended when the client leaves: the thread is everybody's.
      return await this.#quick.render(given, { patience: patience.quick, steps: quickSteps });
    } catch (error) {
      if (!isSlow(error)) throw asRequestError(error);
    }
    if (this.#slowWaiting >= maxSlow) throw overloaded(503, 'Too many slow conversations are waiting.', 5);
    this.#slowWaiting++;
    try {
      return await this.#slow.render(given, { patience: patience.slow, signal });
    } catch (error) {
      throw asRequestError(error);
    } finally {
      this.#slowWaiting--;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#quick.close(), this.#slow.close()]);
  }
}

/** Whether a conversation may only need more time. */
function isSlow(error: unknown): boolean {
  if (error instanceof TooManySteps) return true;
  const cause = error instanceof TemplateError ? error.cause : null;
  return cause instanceof ConfinedError && cause.reason === 'time';
}

function asRequestError(error: unknown): unknown {
  if (!(error instanceof TemplateError)) return error;
  return new RequestError(400, `The chat template refuses: ${error.message}`, 'messages');
}

/** Parts of text become one, a line each, as servers do it for templates that know no parts. */
function withJoinedText(message: ChatMessage): ChatMessage {
  const { content } = message;
  return Array.isArray(content)
    ? { ...message, content: content.map(({ text }) => text).join('\n') }
    : message;
}
