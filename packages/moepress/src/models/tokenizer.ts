import { stat } from 'node:fs/promises';
import { openTokenizer, tokenizerFiles } from '@moepress/checkpoint';
import type { Model, Tokenizer, Work } from '@moepress/core';
import { embeddedDirectory, embeddedName } from './embedded.js';

export const tokenizerOf = ({ source }: Model): Promise<Tokenizer> => openTokenizer(source.directory);

/** The tokenizer of a folder, a Hub id or `tiny`, without the weights: they may be on another machine. */
export async function openTokenizerOf(
  id: string,
  { revision = 'main', ...work }: Work & { readonly revision?: string | undefined },
): Promise<Tokenizer> {
  if (id === embeddedName) return openTokenizer(embeddedDirectory);
  if ((await stat(id).catch(() => null))?.isDirectory()) return openTokenizer(id);
  // Loaded only when asked for: the library of the Hub is large.
  const { fetchHubFiles } = await import('@moepress/checkpoint/hub');
  const { directory } = await fetchHubFiles(
    { type: 'model', id, revision },
    ({ path }) => [...tokenizerFiles, 'config.json'].includes(path),
    work,
  );
  return openTokenizer(directory);
}
