import { MoepressError, type Tokenizer, throwIfAborted } from '@moepress/core';
import { type ConfinedBounds, ConfinedError, type ConfinedThread } from '../confined/index.js';
import type { DecodeTask, EncodeTask, TokenizerIds } from './tokenizer-thread.js';

/** Bytes. */
const megabyte = 1e6;

/** Milliseconds for each megabyte of tokenizer.json and of text: some times what sound ones take. */
const slowness = { file: 6000, text: 60_000 };

/** Megabytes of memory, likewise; a text that needs more than `most` is refused. */
const memory = { base: 256, file: 24, text: 150, most: 4096 };

/** Characters that are sent to the thread at once, so that each bound is that of a few texts. */
const batchCharacters = 2 ** 18;

/** Texts of single tokens that are kept: only those around texts are asked for again and again. */
const keptTexts = 64;

/** A tokenizer that works in a thread. */
export interface ConfinedTokenizer extends Required<Tokenizer> {
  /** Ends the thread; another question starts a new one. */
  close(): Promise<void>;
}

/** What opening a tokenizer.json of so many bytes may cost; `patience` as in `TokenizerOptions`. */
export function openingBounds(bytes: number, patience: number): ConfinedBounds {
  const size = bytes / megabyte;
  return {
    patience: patience + Math.ceil(slowness.file * size),
    memory: memory.base + Math.ceil(memory.file * size),
  };
}

interface Confinement {
  readonly patience: number;
  readonly opening: ConfinedBounds;
  /** The tokenizer's file, for messages. */
  readonly where: string;
}

/** A tokenizer that asks a thread of thread.ts. Throws what `openTokenizer` throws. */
export async function confinedTokenizer(
  thread: ConfinedThread,
  { patience, opening, where }: Confinement,
): Promise<ConfinedTokenizer> {
  const boundsOf = (characters: number, signal?: AbortSignal): ConfinedBounds => ({
    patience: patience + Math.ceil((slowness.text * characters) / megabyte),
    memory: Math.min(
      memory.most,
      opening.memory + Math.ceil((memory.text * characters) / megabyte / 64) * 64,
    ),
    signal,
  });
  const told = (error: unknown, what: string) => asTokenizerError(error, what, where);
  const ask = async <T>(task: string, argument: unknown, bounds: ConfinedBounds, what: string) => {
    try {
      return await thread.ask<T>(task, argument, bounds);
    } catch (error) {
      throwIfAborted(bounds.signal);
      throw told(error, what);
    }
  };
  const askNow = <T>(task: string, argument: unknown, bounds: ConfinedBounds, what: string) => {
    try {
      return thread.askNow<T>(task, argument, bounds);
    } catch (error) {
      throw told(error, what);
    }
  };
  const ids = await ask<TokenizerIds>('open', null, opening, 'It cannot be opened').catch(async (error) => {
    await thread.close();
    throw error;
  });
  const texts = new Map<string, string>();
  return {
    ...ids,
    encode(text, options = {}) {
      const task: EncodeTask = { ...options, texts: [text] };
      return askNow<number[][]>('encode', task, boundsOf(text.length), lengthOf(text.length))[0]!;
    },
    decode(given, options = {}) {
      if (given.length === 0) return '';
      const key = given.length === 1 ? `${given[0]} ${options.skipSpecialTokens}` : null;
      const known = key === null ? undefined : texts.get(key);
      if (known !== undefined) return known;
      const task: DecodeTask = { ...options, lists: [given] };
      const [text] = askNow<string[]>('decode', task, boundsOf(given.length), idsOf(given.length));
      if (key !== null && texts.size < keptTexts) texts.set(key, text!);
      return text!;
    },
    async encodeAll(given, { signal, ...options } = {}) {
      const answers: number[][] = [];
      for (const batch of batches(given)) {
        const task: EncodeTask = { ...options, texts: batch };
        const size = batch.reduce((sum, text) => sum + text.length, 0);
        answers.push(...(await ask<number[][]>('encode', task, boundsOf(size, signal), lengthOf(size))));
      }
      return answers;
    },
    close: () => thread.close(),
    async decodeAll(given, { signal, ...options } = {}) {
      const answers: string[] = [];
      for (const batch of batches(given)) {
        const task: DecodeTask = { ...options, lists: batch };
        const size = batch.reduce((sum, list) => sum + list.length, 0);
        answers.push(...(await ask<string[]>('decode', task, boundsOf(size, signal), idsOf(size))));
      }
      return answers;
    },
  };
}

/** Neighbours that are not too long together, each at least alone. */
function* batches<Item extends { readonly length: number }>(items: readonly Item[]): Generator<Item[]> {
  let batch: Item[] = [];
  let size = 0;
  for (const item of items) {
    if (batch.length > 0 && size + item.length > batchCharacters) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(item);
    size += item.length;
  }
  if (batch.length > 0) yield batch;
}

const lengthOf = (characters: number) => `A text of ${characters} characters cannot be encoded`;
const idsOf = (count: number) => `${count} ids cannot be decoded`;

function asTokenizerError(error: unknown, what: string, where: string): unknown {
  if (!(error instanceof ConfinedError)) return error;
  const code = error.reason === 'failed' ? 'TOKENIZER_MISSING' : 'TOKENIZER_STOPPED';
  return new MoepressError(code, { message: `${what}: ${error.message}.`, where, cause: error });
}
