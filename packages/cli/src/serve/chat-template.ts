import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import { RequestError } from './errors.js';

/** Writes messages as the model was taught to read them. */
export type ChatTemplate = (messages: readonly Readonly<Record<string, unknown>>[]) => string;

const token = z.union([z.string(), z.object({ content: z.string() })]).nullish();

const configSchema = z.object({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .nullish(),
  bos_token: token,
  eos_token: token,
});

/**
 * The chat template of a checkpoint folder: chat_template.jinja, or that in tokenizer_config.json, of several
 * the one called "default"; null if there is none. What a template refuses becomes a `RequestError`.
 */
export async function openChatTemplate(directory: string): Promise<ChatTemplate | null> {
  const parsed = configSchema.safeParse(JSON.parse((await read(directory, 'tokenizer_config.json')) ?? '{}'));
  const { chat_template: own, bos_token, eos_token } = parsed.data ?? {};
  const named = typeof own === 'string' ? own : own?.find(({ name }) => name === 'default')?.template;
  const source = (await read(directory, 'chat_template.jinja')) ?? named;
  if (source === undefined) return null;
  const specials = { bos_token: contentOf(bos_token), eos_token: contentOf(eos_token) };
  return (messages) => {
    try {
      return new Template(source).render({ messages, ...specials, add_generation_prompt: true });
    } catch (cause) {
      throw new RequestError(400, `The chat template refuses: ${(cause as Error).message}`, 'messages');
    }
  };
}

async function read(directory: string, name: string): Promise<string | undefined> {
  return readFile(join(directory, name), 'utf8').catch(() => undefined);
}

function contentOf(given: z.output<typeof token>): string {
  return typeof given === 'string' ? given : (given?.content ?? '');
}
