import type { DecodeOptions, EncodeOptions } from '@moepress/core';
import { answerConfined } from '../confined/confined-worker.js';
import { buildTokenizer } from './build-tokenizer.js';

/** The thread in which a tokenizer works: it is a stranger's, and its regular expressions may take for ever. */

/** What the thread is given. */
export interface TokenizerData {
  readonly directory: string;
}

export interface EncodeTask extends EncodeOptions {
  readonly texts: readonly string[];
}

export interface DecodeTask extends DecodeOptions {
  readonly lists: readonly (readonly number[])[];
}

/** The ids that the task `open` answers with. */
export interface TokenizerIds {
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
}

answerConfined(({ directory }: TokenizerData) => {
  const opened = buildTokenizer(directory);
  // Whoever asks first hears of it.
  opened.catch(() => {});
  return {
    async open(): Promise<TokenizerIds> {
      const { bosTokenId, eosTokenId } = await opened;
      return { bosTokenId, eosTokenId };
    },
    async encode({ texts, ...options }: EncodeTask) {
      const tokenizer = await opened;
      return texts.map((text) => tokenizer.encode(text, options));
    },
    async decode({ lists, ...options }: DecodeTask) {
      const tokenizer = await opened;
      return lists.map((ids) => tokenizer.decode(ids, options));
    },
  };
});
