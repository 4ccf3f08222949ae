import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isCompanion, isGguf, openGguf, openTokenizer, tokenizerFiles } from '@moepress/checkpoint';
import type { Model, Tokenizer, Work } from '@moepress/core';
import { isTemplateFile } from '../chat/template-files.js';
import { embeddedDirectory, embeddedName } from './embedded.js';

/**
 * SHA-256 in hexadecimal of what stands beside the weights of a checkpoint folder and may decide what a text is to the
 * model and when it stops: config, tokenizer, chat template, generation defaults. Files that cannot be read count as
 * empty.
 */
export async function companionsHash(directory: string): Promise<string> {
  const found = await readdir(directory).catch(() => []);
  const names = found.filter((name) => name === 'config.json' || isCompanion(name));
  const hash = createHash('sha256');
  for (const name of names.sort()) {
    const path = join(directory, name);
    // Opening a pipe would wait for ever.
    const isFile = (await stat(path).catch(() => null))?.isFile();
    const bytes = isFile ? await readFile(path).catch(() => Buffer.alloc(0)) : Buffer.alloc(0);
    hash.update(JSON.stringify([name, bytes.length])).update(bytes);
  }
  return hash.digest('hex');
}

export const tokenizerOf = ({ source }: Model): Promise<Tokenizer> => openTokenizer(source.directory);

/** The tokenizer of a folder, a GGUF file, a Hub id or `tiny`, without the weights: they may be on another machine. */
export async function openTokenizerOf(
  id: string,
  options: Work & { readonly revision?: string | undefined },
): Promise<Tokenizer> {
  return openTokenizer(await textFolderOf(id, options));
}

/** A folder with the tokenizer and the chat templates of a folder, a GGUF file, a Hub id or `tiny`, likewise. */
export async function textFolderOf(
  id: string,
  { revision = 'main', ...work }: Work & { readonly revision?: string | undefined },
): Promise<string> {
  if (id === embeddedName) return embeddedDirectory;
  const info = await stat(id).catch(() => null);
  if (info?.isDirectory()) return id;
  if (info?.isFile() && isGguf(id)) return (await openGguf(id, work)).directory;
  // Loaded only when asked for: the library of the Hub is large.
  const { fetchHubFiles } = await import('@moepress/checkpoint/hub');
  const { directory } = await fetchHubFiles(
    { type: 'model', id, revision },
    ({ path }) => [...tokenizerFiles, 'config.json'].includes(path) || isTemplateFile(path),
    work,
  );
  return directory;
}
