import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MoepressError, parseJson, refuseLfsPointer } from '@moepress/core';
import { z } from 'zod';

const named = z.array(z.object({ name: z.string(), template: z.string() }));
const configSchema = z.object({
  chat_template: z.union([z.string(), named, z.record(z.string(), z.string())]).nullish(),
});

const mainFile = 'chat_template.jinja';
const moreFiles = 'additional_chat_templates';

/** The files of a folder's chat templates beside its tokenizer's own, as paths within it. */
export const isTemplateFile = (path: string): boolean =>
  path === mainFile || (path.startsWith(`${moreFiles}/`) && path.endsWith('.jinja'));

/** The template that is taken where none is named. */
export const defaultName = 'default';

/** More templates than any checkpoint has. */
const maxTemplates = 64;

/**
 * Chat templates of a checkpoint folder by their names, where transformers finds them: chat_template.jinja, with those of
 * additional_chat_templates beside it, else tokenizer_config.json. A single one has the name `default`. Throws
 * `TOKENIZER_MISSING` for files that cannot be read as what they should be.
 */
export async function readChatTemplates(directory: string): Promise<ReadonlyMap<string, string>> {
  const main = await readTextOf(directory, mainFile);
  const more = await readdir(join(directory, moreFiles)).catch(() => []);
  const files = more.filter((file) => file.endsWith('.jinja')).sort();
  if (main !== undefined || files.length > 0) {
    const others = files.slice(0, maxTemplates).map(async (file) => {
      const source = await readTextOf(join(directory, moreFiles), file);
      return [file.slice(0, -'.jinja'.length), source ?? ''] as const;
    });
    const all = new Map(await Promise.all(others));
    return main === undefined ? all : all.set(defaultName, main);
  }
  const text = await readTextOf(directory, 'tokenizer_config.json');
  if (text === undefined) return new Map();
  const config = configSchema.safeParse(parse(text, join(directory, 'tokenizer_config.json')));
  const own = config.data?.chat_template ?? [];
  if (typeof own === 'string') return new Map([[defaultName, own]]);
  return new Map(
    Array.isArray(own) ? own.map(({ name, template }) => [name, template]) : Object.entries(own),
  );
}

function parse(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new MoepressError('TOKENIZER_MISSING', { message: `Not JSON: ${String(cause)}.`, where, cause });
  }
}

async function readTextOf(directory: string, name: string): Promise<string | undefined> {
  const path = join(directory, name);
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return undefined;
  refuseLfsPointer(bytes, path, 'TOKENIZER_MISSING');
  return bytes.toString('utf8');
}
