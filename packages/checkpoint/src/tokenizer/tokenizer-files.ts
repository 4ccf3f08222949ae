import { type JsonObject, readJsonFile } from '../folder/json.js';

/** Every file that says what a tokenizer does, for those who fetch or hash them. */
export const tokenizerFiles: readonly string[] = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];

/** The files next to tokenizer.json in a folder with a tokenizer; absent files are empty. */
export interface TokenizerSettings {
  /** tokenizer_config.json. */
  readonly config: JsonObject;
  /** special_tokens_map.json, of older repositories. */
  readonly specialTokens: JsonObject;
  /** added_tokens.json, of still older ones: ids by content. */
  readonly addedTokens: JsonObject;
  /** config.json, whose family has a class of tokenizers where tokenizer_config.json names none. */
  readonly model: JsonObject;
}

/** Throws `TOKENIZER_MISSING` for a file that is no JSON object; what is wrong with config.json is told elsewhere. */
export async function readTokenizerSettings(directory: string): Promise<TokenizerSettings> {
  const read = async (name: string) => (await readJsonFile(directory, name, 'TOKENIZER_MISSING')) ?? {};
  const model = await readJsonFile(directory, 'config.json', 'CONFIG_INVALID').catch(() => null);
  return {
    config: await read('tokenizer_config.json'),
    specialTokens: await read('special_tokens_map.json'),
    addedTokens: await read('added_tokens.json'),
    model: model ?? {},
  };
}
