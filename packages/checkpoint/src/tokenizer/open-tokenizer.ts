import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfinedThread } from '../confined/confined-thread.js';
import { type ConfinedTokenizer, confinedTokenizer, openingBounds } from './confined-tokenizer.js';
import { collectTokens } from './special-tokens.js';
import type { NamedTokens } from './tokenizer-classes.js';
import { readTokenizerSettings, tokenizerFiles } from './tokenizer-files.js';

/** The built file also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./tokenizer-thread.js', import.meta.url);

/** Milliseconds. */
const defaultPatience = 3000;

export interface TokenizerOptions {
  /** Milliseconds of processor time that any question may take, more for long texts; 3000 by default. */
  readonly patience?: number | undefined;
  /** Whether other threads come before its own; false by default. */
  readonly isBackground?: boolean | undefined;
}

/** Tokenizers that somebody holds, by folder and what its files were. */
const held = new Map<string, WeakRef<ConfinedTokenizer>>();

/** Ends the threads of tokenizers that nobody holds any more. */
const forgotten = new FinalizationRegistry<{ readonly key: string; readonly thread: ConfinedThread }>(
  ({ key, thread }) => {
    if (held.get(key)?.deref() === undefined) held.delete(key);
    void thread.close();
  },
);

/**
 * The tokenizer of a checkpoint folder: tokenizer.json, with the special and added tokens that the files beside it
 * name, as `AutoTokenizer` of transformers adds them when it loads. It works in a thread of its own, bounded in time and
 * memory by the lengths of texts, because a stranger's regular expressions may take for ever.
 *
 * Throws `TOKENIZER_MISSING` if tokenizer.json is absent or broken, and `TOKENIZER_STOPPED`, as what it returns does,
 * for what was stopped.
 */
export async function openTokenizer(
  directory: string,
  { patience = defaultPatience, isBackground = false }: TokenizerOptions = {},
): Promise<ConfinedTokenizer> {
  const key = await keyOf(directory, [patience, isBackground]);
  const known = held.get(key)?.deref();
  if (known) return known;
  const where = join(directory, 'tokenizer.json');
  const bytes = await stat(where).then(
    ({ size }) => size,
    () => 0,
  );
  const opening = openingBounds(bytes, patience);
  const thread = new ConfinedThread(script, { directory }, opening.patience, { isBackground });
  const tokenizer = await confinedTokenizer(thread, { patience, opening, where });
  held.set(key, new WeakRef(tokenizer));
  forgotten.register(tokenizer, { key, thread });
  return tokenizer;
}

/**
 * Special tokens by their roles, such as `bos_token`, as chat templates name them; those that a folder's files name.
 * Throws `TOKENIZER_MISSING` for a file that is no JSON object.
 */
export async function readSpecialTokens(directory: string): Promise<NamedTokens> {
  return collectTokens(await readTokenizerSettings(directory)).named;
}

/** A folder, the states of its files, and how it is opened. */
async function keyOf(directory: string, options: readonly unknown[]): Promise<string> {
  const states = [...tokenizerFiles, 'config.json'].map(async (name) => {
    const info = await stat(join(directory, name), { bigint: true }).catch(() => null);
    return info && [info.ino, info.size, info.mtimeNs, info.ctimeNs].join(' ');
  });
  return JSON.stringify([directory, options, ...(await Promise.all(states))]);
}
