import { parseJson } from '@moepress/core';
import type { JsonObject } from '../../folder/json.js';
import { ggufTokenTypes, wholeTokenizerKey } from '../format.js';
import type { GgufMetadata } from './gguf-metadata.js';
import { splittings } from './gguf-splits.js';

/** The two files of a tokenizer, and null for one that cannot be made of metadata, with why. */
export type GgufTokenizer =
  | { readonly tokenizer: JsonObject; readonly settings: JsonObject }
  | { readonly why: string };

const prefix = 'tokenizer.ggml.';

/**
 * tokenizer.json and tokenizer_config.json of what a file says of its tokenizer: byte-level BPE whose way to split texts
 * is known, SentencePiece's BPE, and others that a file has the whole tokenizer.json of. Throws `CHECKPOINT_INVALID` for metadata that contradict themselves.
 */
export function ggufTokenizer(metadata: GgufMetadata): GgufTokenizer {
  const made = madeTokenizer(metadata);
  return 'why' in made ? (wholeTokenizer(metadata) ?? made) : made;
}

/** The tokenizer.json that a file brings along, for tokenizers that its other metadata do not describe in full. */
function wholeTokenizer(metadata: GgufMetadata): GgufTokenizer | null {
  if (!metadata.has(wholeTokenizerKey)) return null;
  const tokenizer = parsed(metadata.text(wholeTokenizerKey));
  if (tokenizer === null) throw metadata.invalid(`Its ${wholeTokenizerKey} is not JSON of an object`);
  const tokens = metadata.list<string>(`${prefix}tokens`, 'a list of texts', isText);
  return { tokenizer, settings: settingsOf(metadata, specialTokens(metadata, tokens)) };
}

function parsed(text: string): JsonObject | null {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}

function madeTokenizer(metadata: GgufMetadata): GgufTokenizer {
  const kind = metadata.text(`${prefix}model`, 'none');
  if (kind !== 'gpt2' && kind !== 'llama') return { why: `Its tokenizer is of the kind "${kind}"` };
  const tokens = metadata.list<string>(`${prefix}tokens`, 'a list of texts', isText);
  const types = metadata.has(`${prefix}token_type`)
    ? metadata.list<number>(`${prefix}token_type`, 'a list of numbers', Number.isInteger)
    : [];
  const made = kind === 'gpt2' ? byteLevel(metadata, tokens) : pieces(metadata, tokens);
  if (typeof made === 'string') return { why: made };
  const special = specialTokens(metadata, tokens);
  const addsBos =
    metadata.flag(`${prefix}add_bos_token`, kind === 'llama') && special.bos_token !== undefined;
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(tokens, types),
    ...made,
    post_processor: addsBos ? beginsWith(special.bos_token!, tokens) : null,
  };
  return { tokenizer, settings: settingsOf(metadata, special) };
}

function settingsOf(metadata: GgufMetadata, special: Readonly<Record<string, string>>): JsonObject {
  const template = metadata.text('tokenizer.chat_template', '');
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...special,
    ...(template !== '' && { chat_template: template }),
  };
}

const isText = (value: unknown): boolean => typeof value === 'string';

/** Names and what stands under them, whatever the names are. */
const record = (entries: Iterable<readonly [string, number]>): Record<string, number> =>
  Object.assign(Object.create(null), Object.fromEntries(entries));

/** Of tokens with one text the first one is the token of that text. */
function idsOf(tokens: readonly string[]): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) if (!ids.has(token)) ids.set(token, id);
  return ids;
}

/** A text says why there is none. */
function byteLevel(metadata: GgufMetadata, tokens: readonly string[]): JsonObject | string {
  const name = metadata.text(`${prefix}pre`, 'default');
  const splitting = Object.hasOwn(splittings, name) ? splittings[name]! : null;
  if (!splitting) return `Its tokenizer splits texts by the rule "${name}", which is not known here`;
  const merges = metadata.list<string>(`${prefix}merges`, 'a list of texts', isText);
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
  const split = { type: 'Split', pattern: { Regex: splitting.pattern }, behavior: 'Isolated', invert: false };
  return {
    normalizer: splitting.normalizer ? { type: splitting.normalizer } : null,
    pre_tokenizer:
      splitting.pattern === null
        ? { ...bytes, use_regex: true }
        : { type: 'Sequence', pretokenizers: [split, { ...bytes, use_regex: false }] },
    decoder: { ...bytes, use_regex: true },
    model: { type: 'BPE', ...plainBpe, byte_fallback: false, vocab: record(idsOf(tokens)), merges },
  };
}

const plainBpe = {
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
};

const space = '\u2581';

/** SentencePiece's BPE: pieces with higher scores are merged first. */
function pieces(metadata: GgufMetadata, tokens: readonly string[]): JsonObject {
  const scores = metadata.list<number>(
    `${prefix}scores`,
    'a list of numbers',
    (value) => typeof value === 'number',
  );
  if (scores.length !== tokens.length) throw metadata.invalid('There are not as many scores as tokens');
  const prefixes = metadata.flag(`${prefix}add_space_prefix`, true);
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: space };
  const ids = idsOf(tokens);
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: prefixes ? [{ type: 'Prepend', prepend: space }, replace] : [replace],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: space }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixes ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      ...plainBpe,
      unk_token: tokens[metadata.count(`${prefix}unknown_token_id`, 0)] ?? null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: record(ids),
      merges: mergesOf(tokens, scores, ids),
    },
  };
}

/**
 * Every way to cut a piece into two others, in the order of the scores of the pieces, of the same score the one with the
 * longer beginning first, as in transformers (`generate_merges`).
 */
function mergesOf(
  tokens: readonly string[],
  scores: readonly number[],
  ids: ReadonlyMap<string, number>,
): string[][] {
  const order = [...tokens.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
  return order.flatMap((id) => {
    const letters = [...tokens[id]!];
    // Longer pieces are no words of a language.
    if (letters.length < 2 || letters.length > longestPiece) return [];
    const cuts = letters
      .slice(1)
      .map((_, i) => [letters.slice(0, i + 1).join(''), letters.slice(i + 1).join('')]);
    return cuts.filter(([left, right]) => ids.has(left!) && ids.has(right!)).reverse();
  });
}

const longestPiece = 256;

function addedTokens(tokens: readonly string[], types: readonly number[]): JsonObject[] {
  const { control, userDefined, unknown } = ggufTokenTypes;
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== control && type !== userDefined && type !== unknown) return [];
    const whole = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return [{ id, content, ...whole, special: type !== userDefined }];
  });
}

const roles = { bos_token: 'bos', eos_token: 'eos', unk_token: 'unknown', pad_token: 'padding' } as const;

function specialTokens(
  metadata: GgufMetadata,
  tokens: readonly string[],
): Partial<Record<keyof typeof roles, string>> {
  return Object.fromEntries(
    Object.entries(roles).flatMap(([role, name]) => {
      const key = `${prefix}${name}_token_id`;
      const token = metadata.has(key) ? tokens[metadata.count(key)] : undefined;
      return token === undefined ? [] : [[role, token]];
    }),
  );
}

const beginsWith = (token: string, tokens: readonly string[]): JsonObject => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { [token]: { id: token, ids: [tokens.indexOf(token)], tokens: [token] } },
});
