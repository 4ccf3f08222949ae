import type { JsonObject } from '../folder/json.js';
import { classDefaults, type NamedTokens } from './tokenizer-classes.js';
import type { TokenizerSettings } from './tokenizer-files.js';

/** A token that is found in a text before it is split, as tokenizer.json has them. */
export interface AddedToken {
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** The roles that transformers knows; their tokens are found in texts too. */
const roles = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/** What tokens a tokenizer has beside those of tokenizer.json. */
export interface SpecialTokens {
  readonly named: NamedTokens;
  /** Those of `added_tokens_decoder`, whose flags prevail over those of tokenizer.json. */
  readonly declared: readonly AddedToken[];
  /** Others, which are only added where tokenizer.json does not have them, in this order. */
  readonly missing: readonly AddedToken[];
}

/**
 * Special and added tokens as `AutoTokenizer` of transformers 5.18 collects them: `added_tokens_decoder` of
 * tokenizer_config.json where it is given, else special_tokens_map.json, which prevails over tokenizer_config.json,
 * and added_tokens.json; then the tokens with a role, and those that are only said to be special.
 */
export function collectTokens(settings: TokenizerSettings): SpecialTokens {
  const { config, specialTokens, addedTokens } = settings;
  const isNew = config.added_tokens_decoder !== undefined;
  const merged: JsonObject = isNew ? config : { ...config, ...specialTokens };
  // A list of tokens without roles, or an object that gives them roles of their own.
  const others = merged.extra_special_tokens ?? merged.additional_special_tokens ?? [];
  const given = Array.isArray(others) ? merged : { ...(others as JsonObject), ...merged };
  const named: Record<string, string> = {};
  const withRoles: AddedToken[] = [];
  const defaults = classDefaults(settings);
  const own = Object.keys(given).filter((key) => /_token$/.test(key) && typeof given[key] === 'string');
  for (const role of new Set([...roles, ...own])) {
    // Null says that there is none; only what is not said at all has the default of the class.
    const token = asToken(Object.hasOwn(given, role) ? given[role] : defaults[role], true);
    if (token === null) continue;
    named[role] = token.content;
    withRoles.push(token);
  }
  const extra = (Array.isArray(others) ? others : []).flatMap((other) => {
    const token = asToken(other, true);
    return token ? [token] : [];
  });
  const special = [...withRoles, ...extra];
  if (isNew) return { named, declared: fromDecoder(config.added_tokens_decoder), missing: special };
  const contents = new Set(special.map(({ content }) => content));
  return { named, declared: [], missing: [...fromIds(addedTokens, contents), ...special] };
}

/** `added_tokens_decoder`: tokens by their ids, which give the order. */
function fromDecoder(decoder: unknown): AddedToken[] {
  if (typeof decoder !== 'object' || decoder === null) return [];
  return Object.entries(decoder)
    .sort(([a], [b]) => Number(a) - Number(b))
    .flatMap(([, given]) => asToken(given, false) ?? []);
}

/** added_tokens.json: ids, which give the order, by content. */
function fromIds(ids: JsonObject, special: ReadonlySet<string>): AddedToken[] {
  return Object.entries(ids)
    .sort(([, a], [, b]) => Number(a) - Number(b))
    .map(([content]) => plain(content, special.has(content)));
}

function asToken(given: unknown, special: boolean): AddedToken | null {
  if (typeof given === 'string') return given === '' ? null : plain(given, special);
  if (typeof given !== 'object' || given === null) return null;
  const token = given as { readonly [key in keyof AddedToken]?: unknown };
  const { content } = token;
  if (typeof content !== 'string' || content === '' || !flags.every((flag) => isFlag(token[flag])))
    return null;
  const isSpecial = special || token.special === true;
  return {
    content,
    single_word: token.single_word === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    normalized: (token.normalized as boolean | null | undefined) ?? !isSpecial,
    special: isSpecial,
  };
}

const flags = ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'] as const;

const isFlag = (value: unknown) => value === undefined || value === null || typeof value === 'boolean';

const plain = (content: string, special: boolean): AddedToken => ({
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: !special,
  special,
});

type Stored = AddedToken & { readonly id: number };

/**
 * tokenizer.json with more added tokens, as `add_tokens` of the tokenizers library does it: one that is in the
 * vocabulary keeps its id, a new one gets the next that is free, and a declared one changes the flags of its like.
 * Throws `TypeError` for an added token of tokenizer.json that is none.
 */
export function withAddedTokens(json: JsonObject, { declared, missing }: SpecialTokens): JsonObject {
  const model = json.model as { readonly vocab?: unknown } | null | undefined;
  const vocabulary = idsOf(model?.vocab);
  const tokens = new Map<string, Stored>();
  let next = vocabulary.size;
  for (const token of Array.isArray(json.added_tokens) ? (json.added_tokens as readonly Stored[]) : []) {
    if (typeof token?.content !== 'string' || !Number.isSafeInteger(token.id)) {
      throw new TypeError('an added token has no text or no id');
    }
    tokens.set(token.content, token);
    next = Math.max(next, token.id + 1);
  }
  const idOf = ({ content }: AddedToken) => tokens.get(content)?.id ?? vocabulary.get(content) ?? next++;
  for (const token of declared) tokens.set(token.content, { ...token, id: idOf(token) });
  for (const token of missing) {
    if (!tokens.has(token.content)) tokens.set(token.content, { ...token, id: idOf(token) });
  }
  return { ...json, added_tokens: [...tokens.values()] };
}

/** Ids by token, of a vocabulary that is an object (BPE) or a list of pieces with their scores (Unigram). */
function idsOf(vocab: unknown): ReadonlyMap<string, number> {
  if (Array.isArray(vocab)) return new Map(vocab.map((piece, id) => [String(piece?.[0]), id]));
  if (typeof vocab !== 'object' || vocab === null) return new Map();
  return new Map(Object.entries(vocab as Record<string, number>));
}
