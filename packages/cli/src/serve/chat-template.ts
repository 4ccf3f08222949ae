import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSpecialTokens } from '@moepress/checkpoint';
import { MoepressError, parseJson, refuseLfsPointer } from '@moepress/core';
import { z } from 'zod';
import { compileTemplate, type Template, TemplateError } from '../jinja/index.js';
import { RequestError } from './errors.js';
import type { ChatMessage } from './protocol.js';

/**
 * Writes messages as the model was taught to read them; `variables` are what the request itself gives the template.
 * What a template refuses becomes a `RequestError`.
 */
export type ChatTemplate = (
  messages: readonly ChatMessage[],
  variables?: Readonly<Record<string, unknown>>,
) => string;

const named = z.array(z.object({ name: z.string(), template: z.string() }));
const configSchema = z.object({
  chat_template: z.union([z.string(), named, z.record(z.string(), z.string())]).nullish(),
});

/** A loop over the parts of a message: such a template takes them as they came. */
const takesParts = /\{%[-+]?\s*for\s+\w+\s+in\s+[^%]*\bcontent\b/;

/**
 * The chat template of a checkpoint folder, run as transformers runs it: chat_template.jinja, or that in
 * tokenizer_config.json, of several the one called "default"; null if there is none. Throws `TOKENIZER_MISSING` for
 * files that cannot be read as what they should be.
 */
export async function openChatTemplate(directory: string): Promise<ChatTemplate | null> {
  const source = await readTemplate(directory);
  if (source === null) return null;
  const specials = await readSpecialTokens(directory);
  const keepsParts = takesParts.test(source);
  let compiled: Template | null = null;
  return (messages, variables = {}) => {
    try {
      compiled ??= compileTemplate(source);
      return compiled.render({
        ...specials,
        tools: null,
        documents: null,
        ...variables,
        messages: keepsParts ? messages : messages.map(withJoinedText),
        add_generation_prompt: true,
      });
    } catch (cause) {
      if (!(cause instanceof TemplateError)) throw cause;
      throw new RequestError(400, `The chat template refuses: ${cause.message}`, 'messages');
    }
  };
}

async function readTemplate(directory: string): Promise<string | null> {
  const file = await read(directory, 'chat_template.jinja');
  if (file !== undefined) return file;
  const text = await read(directory, 'tokenizer_config.json');
  if (text === undefined) return null;
  const config = configSchema.safeParse(parse(text, join(directory, 'tokenizer_config.json')));
  const own = config.data?.chat_template;
  if (typeof own === 'string') return own;
  const several = Array.isArray(own)
    ? Object.fromEntries(own.map(({ name, template }) => [name, template]))
    : (own ?? {});
  return Object.hasOwn(several, 'default') ? several.default! : null;
}

function parse(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new MoepressError('TOKENIZER_MISSING', { message: `Not JSON: ${String(cause)}.`, where, cause });
  }
}

async function read(directory: string, name: string): Promise<string | undefined> {
  const path = join(directory, name);
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return undefined;
  refuseLfsPointer(bytes, path, 'TOKENIZER_MISSING');
  return bytes.toString('utf8');
}

/** Parts of text become one, a line each, as servers do it for templates that know no parts. */
function withJoinedText(message: ChatMessage): ChatMessage {
  const { content } = message;
  return Array.isArray(content)
    ? { ...message, content: content.map(({ text }) => text).join('\n') }
    : message;
}
