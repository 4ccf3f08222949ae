import type { JsonObject } from '../folder/json.js';
import { tokenizerClass } from './class-defaults.js';
import type { TokenizerSettings } from './files.js';

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

/** Of the classes of transformers 5.18 that build a tokenizer themselves. */
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
 * of such repositories.
 */
export function asItsClass(json: JsonObject, settings: TokenizerSettings): JsonObject {
  const name = tokenizerClass(settings);
  if (name === undefined || !Object.hasOwn(pipelines, name)) return json;
  const model = json.model as JsonObject | null | undefined;
  if (model?.type !== 'BPE') return json;
  const { kind, parts, model: flags } = pipelines[name]!(settings.config);
  return kind === kindOf(json) ? { ...json, ...parts, model: { ...model, ...flags } } : json;
}

function kindOf({ normalizer, pre_tokenizer }: JsonObject): Pipeline['kind'] | null {
  const text = JSON.stringify([normalizer ?? null, pre_tokenizer ?? null]);
  if (text.includes('"ByteLevel"')) return 'bytes';
  return text.includes('▁') ? 'underscores' : null;
}
