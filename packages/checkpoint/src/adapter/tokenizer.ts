import type { Work } from '@moepress/core';
import { readJsonFile } from '../folder/json.js';

/** Parts of tokenizer.json that say what a text is; how batches are cut and padded is left out. */
const parts = ['normalizer', 'pre_tokenizer', 'model', 'post_processor', 'decoder', 'added_tokens'] as const;

/**
 * Warns if an adapter alone brings a tokenizer that reads texts otherwise than that of its base, which is the one that
 * is used. Throws `TOKENIZER_MISSING` for files that are no JSON.
 */
export async function warnOfOwnTokenizer(adapter: string, base: string, { progress }: Work): Promise<void> {
  const own = await tokenizerIn(adapter);
  if (own === null || own === (await tokenizerIn(base))) return;
  progress?.({
    type: 'warning',
    message: `${adapter}: The adapter has a tokenizer of its own, which is not used: texts are read as its base does, ${base}. To use it, put config.json and weights of the base beside the adapter.`,
  });
}

async function tokenizerIn(directory: string): Promise<string | null> {
  const json = await readJsonFile(directory, 'tokenizer.json', 'TOKENIZER_MISSING');
  return json && JSON.stringify(parts.map((part) => json[part] ?? null));
}
