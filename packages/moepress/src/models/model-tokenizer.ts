import { stat } from 'node:fs/promises';
import { openTokenizer, tokenizerFiles } from '@moepress/checkpoint';
import type { Tokenizer, Work } from '@moepress/core';
import { tinyModel } from '@moepress/tiny';
import { embeddedName } from './open-model.js';

/** The tokenizer of a folder, a Hub id or `tiny`, without the weights: they may be on another machine. */
export async function openTokenizerOf(
  id: string,
  { revision = 'main', ...work }: Work & { readonly revision?: string },
): Promise<Tokenizer> {
  if (id === embeddedName) return openTokenizer(tinyModel.directory);
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
