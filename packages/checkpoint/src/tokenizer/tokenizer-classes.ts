import { architectures } from '../architectures/index.js';
import type { JsonObject } from '../folder/json.js';
import type { TokenizerSettings } from './tokenizer-files.js';

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

/** The class that `AutoTokenizer` of transformers 5.18 takes, without "Fast"; undefined where the files alone decide. */
function tokenizerClass({ config, model }: TokenizerSettings): string | undefined {
  const family = typeof model.model_type === 'string' ? model.model_type.replace(/^moepress_/, '') : '';
  const { tokenizerClass: registered, ignoresNamedTokenizer } =
    architectures.find(({ modelType }) => modelType === family)?.elsewhere ?? {};
  const given = config.tokenizer_class ?? model.tokenizer_class;
  const named = typeof given === 'string' ? given.replace(/Fast$/, '') : undefined;
  // A generic class in either place means that the files alone decide.
  const generic = registered === 'TokenizersBackend' && named !== undefined;
  return generic || ignoresNamedTokenizer ? registered : (named ?? registered);
}

/** Special tokens that a tokenizer has without any file naming them: those of its class. */
export function classDefaults(settings: TokenizerSettings): NamedTokens {
  const name = tokenizerClass(settings);
  return name !== undefined && Object.hasOwn(byClass, name) ? byClass[name]! : {};
}

/** Parts of tokenizer.json that a class has of its own. */
interface Pipeline {
  /** How it shows spaces in tokens. */
  readonly kind: 'bytes' | 'underscores';
  readonly parts: JsonObject;
  readonly model: JsonObject;
}

const byteDecoder = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
const byteModel = {
  unk_token: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  dropout: null,
};

const byteLevel = (addPrefixSpace: boolean, usesRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: addPrefixSpace,
  trim_offsets: true,
  use_regex: usesRegex,
});

/** Words as Qwen's tokenizers split them: digits one by one. */
const qwenWords = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

function underscores(
  prepend: 'first' | 'always' | 'never',
  strips: boolean,
  unknown: string | null,
): Pipeline {
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
  return {
    kind: 'underscores',
    parts: {
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: prepend, split: false },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          ...(strips ? [strip] : []),
        ],
      },
    },
    model: { ...byteModel, unk_token: unknown, fuse_unk: true, byte_fallback: true },
  };
}

/** Tokenizers of the classes of transformers 5.18 that build one themselves. */
const pipelines: Readonly<Record<string, (config: JsonObject) => Pipeline>> = {
  Qwen2Tokenizer: ({ add_prefix_space }) => ({
    kind: 'bytes',
    parts: {
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: qwenWords }, behavior: 'Isolated', invert: false },
          byteLevel(add_prefix_space === true, false),
        ],
      },
      decoder: byteDecoder,
    },
    model: byteModel,
  }),
  GPTNeoXTokenizer: ({ add_prefix_space }) => ({
    kind: 'bytes',
    parts: {
      normalizer: { type: 'NFC' },
      pre_tokenizer: byteLevel(add_prefix_space === true, true),
      decoder: byteDecoder,
      // It asks for neither BOS nor EOS, whatever tokenizer.json does.
      post_processor: null,
    },
    model: byteModel,
  }),
  GPT2Tokenizer: ({ add_prefix_space }) => ({
    kind: 'bytes',
    parts: {
      normalizer: null,
      pre_tokenizer: byteLevel(add_prefix_space === true, true),
      decoder: byteDecoder,
    },
    model: byteModel,
  }),
  LlamaTokenizer({ add_prefix_space, legacy }) {
    const prepends = add_prefix_space !== false;
    return underscores(prepends ? (legacy === true ? 'always' : 'first') : 'never', prepends, null);
  },
  CodeLlamaTokenizer: ({ add_prefix_space }) =>
    underscores(add_prefix_space === false ? 'never' : 'first', true, '<unk>'),
};

/**
 * tokenizer.json as the class of the tokenizer has it: some classes of transformers 5.18 take vocabulary, merges and
 * post-processor from there, and how texts are normalised, split and decoded from themselves. Where the file shows
 * spaces in another way than the class, which then could not find a word, the file is right: transformers keeps a list
 * of such families. Where no config.json names a family it takes the class all the same, which leaves out whatever
 * characters the vocabulary lacks.
 */
export function asItsClass(json: JsonObject, settings: TokenizerSettings): JsonObject {
  const name = tokenizerClass(settings);
  if (name === undefined || !Object.hasOwn(pipelines, name)) return json;
  const model = json.model as JsonObject | null | undefined;
  if (model?.type !== 'BPE') return json;
  const { kind, parts, model: flags } = pipelines[name]!(settings.config);
  const own = { ...json, ...parts, model: { ...model, ...flags } };
  if (kind === kindOf(json)) return own;
  return settings.model.model_type === undefined ? { ...own, normalizer: onlyKnown(model) } : json;
}

/** Removes the characters that a vocabulary lacks, before neighbours are merged, as a BPE without an unknown token does. */
function onlyKnown({ vocab }: JsonObject): JsonObject {
  const known = Object.keys((vocab ?? {}) as JsonObject).filter((token) => [...token].length === 1);
  const escaped = known.map((character) => `\\u{${character.codePointAt(0)!.toString(16)}}`).join('');
  return { type: 'Replace', pattern: { Regex: `[^${escaped}]` }, content: '' };
}

function kindOf({ normalizer, pre_tokenizer }: JsonObject): Pipeline['kind'] | null {
  const text = JSON.stringify([normalizer ?? null, pre_tokenizer ?? null]);
  if (text.includes('"ByteLevel"')) return 'bytes';
  return text.includes('▁') ? 'underscores' : null;
}
