import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import type { Tokenizer } from '@moepress/core';
import { MoepressError } from '@moepress/core/errors';
import { type JsonObject, readJsonFile } from '../folder/json.js';
import { type Splitter, tokenSplitter } from './splitter.js';
import type { NamedTokens } from './tokenizer-classes.js';
import { readTokenizerSettings, type TokenizerSettings } from './tokenizer-files.js';
import { completeTokenizer } from './tokenizer-json.js';

/**
 * The tokenizer of a checkpoint folder: tokenizer.json, with the special and added tokens that the files beside it
 * name, as `AutoTokenizer` of transformers adds them when it loads. Its regular expressions are a stranger's and may
 * take for ever: only for the thread of `openTokenizer`. Throws `TOKENIZER_MISSING` if tokenizer.json is absent or
 * broken.
 */
export async function buildTokenizer(directory: string): Promise<Tokenizer> {
  const where = join(directory, 'tokenizer.json');
  const stored = await readJsonFile(directory, 'tokenizer.json', 'TOKENIZER_MISSING');
  if (!stored) throw await noTokenizer(directory);
  const settings = await readTokenizerSettings(directory);
  const { inner, named } = build(stored, settings, where);
  const idOf = (role: string) => inner.token_to_id(named[role] ?? '') ?? null;
  return {
    bosTokenId: idOf('bos_token'),
    eosTokenId: idOf('eos_token'),
    encode: (text, { addSpecialTokens = true } = {}) =>
      inner.encode(text, { add_special_tokens: addSpecialTokens }).ids,
    decode: (ids, { skipSpecialTokens = true } = {}) =>
      ids.length === 0 ? '' : inner.decode([...ids], { skip_special_tokens: skipSpecialTokens }),
  };
}

function build(
  stored: JsonObject,
  settings: TokenizerSettings,
  where: string,
): { inner: HuggingFaceTokenizer; named: NamedTokens } {
  try {
    const { json, named } = completeTokenizer(stored, settings);
    // Only a tokenizer that asks for it squeezes spaces before punctuation, as in transformers.
    const inner = new HuggingFaceTokenizer(json, { clean_up_tokenization_spaces: false, ...settings.config });
    keepWordsWhole(inner);
    return { inner, named };
  } catch (cause) {
    throw new MoepressError('TOKENIZER_MISSING', {
      message: `The tokenizer cannot be built: ${cause instanceof Error ? cause.message : String(cause)}.`,
      where,
      hint: 'Restore tokenizer.json and tokenizer_config.json from the original repository.',
      cause,
    });
  }
}

/** What the library keeps of its added tokens, and cuts texts by. */
interface Inner {
  readonly normalizer: ((text: string) => string) | null;
  splitter_unnormalized: Splitter;
  splitter_normalized: Splitter;
}

/** The library passes over `single_word`, so where a token has it texts are cut by ours. */
function keepWordsWhole(tokenizer: HuggingFaceTokenizer): void {
  const tokens = [...tokenizer.get_added_tokens_decoder().values()];
  if (!tokens.some(({ single_word }) => single_word)) return;
  const inner = tokenizer as unknown as Inner;
  const normalise = (text: string) => (inner.normalizer === null ? text : inner.normalizer(text));
  const isNormalised = ({ normalized }: { normalized: boolean }) => normalized && inner.normalizer !== null;
  const splitter = (those: typeof tokens, form: (text: string) => string) =>
    tokenSplitter(
      those.map(({ content }) => form(content)),
      new Set(those.filter(({ single_word }) => single_word).map(({ content }) => form(content))),
    );
  inner.splitter_unnormalized = splitter(
    tokens.filter((token) => !isNormalised(token)),
    (text) => text,
  );
  inner.splitter_normalized = splitter(tokens.filter(isNormalised), normalise);
}

/** Other forms of tokenizers, which Python turns into tokenizer.json. */
const otherForms = ['tokenizer.model', 'vocab.json', 'tekken.json', 'vocab.txt', 'tiktoken.model'];

async function noTokenizer(directory: string): Promise<MoepressError> {
  const names: readonly string[] = await readdir(directory).catch(() => []);
  const found = otherForms.find((name) => names.includes(name));
  const path = JSON.stringify(directory);
  return new MoepressError('TOKENIZER_MISSING', {
    message: `There is no tokenizer.json${found ? `, but ${found}, which is not read` : ''}.`,
    where: join(directory, 'tokenizer.json'),
    ...(found && {
      hint: `Make one with Python: python -c 'from transformers import AutoTokenizer as T; T.from_pretrained(${path}).save_pretrained(${path})'`,
    }),
  });
}
