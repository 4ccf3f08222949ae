import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { MoepressError, type Tokenizer } from '@moepress/core';
import { type JsonObject, readJsonFile } from './folder/json.js';

/**
 * The tokenizer of a checkpoint folder: tokenizer.json, with the special tokens that
 * tokenizer_config.json names. Throws `TOKENIZER_MISSING` if tokenizer.json is absent or broken.
 */
export async function openTokenizer(directory: string): Promise<Tokenizer> {
  const where = join(directory, 'tokenizer.json');
  const json = await readJsonFile(directory, 'tokenizer.json', 'TOKENIZER_MISSING');
  if (!json) throw new MoepressError('TOKENIZER_MISSING', { message: 'There is no tokenizer.json.', where });
  const config = (await readJsonFile(directory, 'tokenizer_config.json', 'TOKENIZER_MISSING')) ?? {};
  const inner = build(json, config, where);
  const idOf = (key: string) => inner.token_to_id(contentOf(config[key])) ?? null;
  return {
    bosTokenId: idOf('bos_token'),
    eosTokenId: idOf('eos_token'),
    encode: (text, { addSpecialTokens = true } = {}) =>
      inner.encode(text, { add_special_tokens: addSpecialTokens }).ids,
    decode: (ids, { skipSpecialTokens = true } = {}) =>
      ids.length === 0 ? '' : inner.decode([...ids], { skip_special_tokens: skipSpecialTokens }),
  };
}

function build(json: JsonObject, config: JsonObject, where: string): HuggingFaceTokenizer {
  try {
    // Only a tokenizer that asks for it squeezes spaces before punctuation, as in transformers.
    return new HuggingFaceTokenizer(json, { clean_up_tokenization_spaces: false, ...config });
  } catch (cause) {
    throw new MoepressError('TOKENIZER_MISSING', {
      message: `The tokenizer cannot be built: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where,
      mend: 'Restore tokenizer.json and tokenizer_config.json from the original repository.',
      cause,
    });
  }
}

/** A special token is given as its text or as an object with `content`. */
function contentOf(token: unknown): string {
  if (typeof token === 'string') return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : '';
}
