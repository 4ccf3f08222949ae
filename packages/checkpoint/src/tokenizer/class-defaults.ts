import type { TokenizerSettings } from './files.js';

/** Special tokens by their role, such as `eos_token`. */
export type NamedTokens = Readonly<Record<string, string>>;

const endOfText = '<|endoftext|>';
const sentencePiece: NamedTokens = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };

/** Defaults of the tokenizer classes of transformers 5.18 that language models name, without "Fast". */
const byClass: Readonly<Record<string, NamedTokens>> = {
  LlamaTokenizer: sentencePiece,
  CodeLlamaTokenizer: sentencePiece,
  GPT2Tokenizer: { bos_token: endOfText, eos_token: endOfText, unk_token: endOfText },
  GPTNeoXTokenizer: {
    bos_token: endOfText,
    eos_token: endOfText,
    unk_token: endOfText,
    pad_token: '<|padding|>',
  },
  Qwen2Tokenizer: { eos_token: endOfText, unk_token: endOfText, pad_token: endOfText },
};

/** The class that a family has where tokenizer_config.json does not decide (`TOKENIZER_MAPPING_NAMES` there). */
const byFamily: Readonly<Record<string, string>> = {
  deepseek_v2: 'TokenizersBackend',
  deepseek_v3: 'TokenizersBackend',
  mistral: 'TokenizersBackend',
  mixtral: 'TokenizersBackend',
  olmoe: 'GPTNeoXTokenizer',
  qwen2: 'Qwen2Tokenizer',
  qwen2_moe: 'Qwen2Tokenizer',
  qwen3: 'Qwen2Tokenizer',
  qwen3_moe: 'Qwen2Tokenizer',
};

/** Families whose repositories name wrong classes, so that transformers passes over them. */
const namedWrongly: readonly string[] = ['deepseek_v2', 'deepseek_v3', 'qwen2'];

/** The class that `AutoTokenizer` of transformers 5.18 takes, without "Fast"; undefined where the files alone decide. */
export function tokenizerClass({ config, model }: TokenizerSettings): string | undefined {
  const family = typeof model.model_type === 'string' ? model.model_type.replace(/^moepress_/, '') : '';
  const registered = Object.hasOwn(byFamily, family) ? byFamily[family] : undefined;
  const given = config.tokenizer_class ?? model.tokenizer_class;
  const named = typeof given === 'string' ? given.replace(/Fast$/, '') : undefined;
  // A generic class in either place means that the files alone decide.
  const generic = registered === 'TokenizersBackend' && named !== undefined;
  return generic || (registered && namedWrongly.includes(family)) ? registered : (named ?? registered);
}

/** Special tokens that a tokenizer has without any file naming them: those of its class. */
export function classDefaults(settings: TokenizerSettings): NamedTokens {
  const name = tokenizerClass(settings);
  return name !== undefined && Object.hasOwn(byClass, name) ? byClass[name]! : {};
}
