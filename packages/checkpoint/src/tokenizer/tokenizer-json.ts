import { type JsonObject, readJsonFile } from '../folder/json.js';
import { collectTokens, withAddedTokens } from './special-tokens.js';
import { asItsClass, type NamedTokens } from './tokenizer-classes.js';
import { readTokenizerSettings, type TokenizerSettings } from './tokenizer-files.js';

/** What a tokenizer is built from. */
export interface TokenizerDescription {
  /** tokenizer.json with the tokens that the files beside it name, as its class of transformers changes it. */
  readonly json: JsonObject;
  /** Special tokens by their roles, such as `eos_token`. */
  readonly named: NamedTokens;
}

/**
 * What the tokenizer of a folder consists of, as `AutoTokenizer` of transformers has it; null without tokenizer.json. Nothing
 * of it is run. Throws `TOKENIZER_MISSING` for files that are no JSON objects, `TypeError` for added tokens that are none.
 */
export async function describeTokenizer(directory: string): Promise<TokenizerDescription | null> {
  const stored = await readJsonFile(directory, 'tokenizer.json', 'TOKENIZER_MISSING');
  if (!stored) return null;
  return { ...completeTokenizer(stored, await readTokenizerSettings(directory)) };
}

/** The same of a tokenizer.json that has been read, with what is said beside it. */
export function completeTokenizer(stored: JsonObject, settings: TokenizerSettings): TokenizerDescription {
  const tokens = collectTokens(settings);
  const whole = {
    decoder: null,
    normalizer: null,
    post_processor: null,
    pre_tokenizer: null,
    ...stored,
  };
  return { json: withAddedTokens(asItsClass(whole, settings), tokens), named: tokens.named };
}
